// A case of the corpus, made and repaired: what is to be seen before and after, and what never may happen.

import { expect } from 'vitest'
import { CairnError } from '../../src/base/errors.ts'
import { isIdle } from '../../src/engine/repair/steps.ts'
import { openRepository } from '../../src/repository/repository.ts'
import { decorate } from '../../src/store/decorate.ts'
import type { Store } from '../../src/store/store.ts'
import type { DamagedCase, Seen } from './cases.ts'
import { destroyed, evidenceIn } from './evidence.ts'
import { Damage } from './make/damage.ts'
import { linesOf, openSample, type RepairChoices, repairSample, unreadable } from './observe.ts'
import { copySample, type DamagedSample } from './sample.ts'

/** A copy of the sample in a folder, damaged. */
export async function damage(
  original: DamagedSample,
  { make }: Pick<DamagedCase, 'make'>,
  folder: string,
): Promise<DamagedSample> {
  const sample = copySample(original, folder)
  await make(new Damage(sample))
  return sample
}

/** Repairs as the owner, and sees that nothing got worse, that all evidence is kept, and that it is done. */
export async function repairAndSee(
  sample: DamagedSample,
  choices: RepairChoices,
): Promise<{ readonly damaged: Seen; readonly seen: Seen }> {
  const evidence = evidenceIn(sample.folder)
  const repository = await openSample(sample, choices.from)
  const before = await unreadable(repository, sample)
  const result = await repairSample(repository, choices)
  const again = await openRepository(sample.store, sample.owner)
  const after = await unreadable(again, sample)
  expect(destroyed(sample.folder, evidence)).toEqual([])
  expectNoWorse(before, after)
  if (!isIdle(result.plan)) {
    const { plan } = await repairSample(again, { ...choices, dryRun: true })
    expect(isIdle(plan), 'a second repair has nothing to do').toBe(true)
  }
  return {
    damaged: { check: linesOf(result.before, sample), unreadable: before },
    seen: { check: linesOf(result.after, sample), unreadable: after },
  }
}

export function expectNoWorse(before: Seen['unreadable'], after: Seen['unreadable']): void {
  for (const [snapshot, lost] of Object.entries(after)) {
    const was = before[snapshot] ?? []
    const isNew = (path: string) => !was.includes(path) && !was.includes('everything')
    expect(lost.filter(isNew), snapshot).toEqual([])
  }
}

/** A store of which so many changes succeed, and from then on nothing does. */
export function dyingAfter(store: Store, changes: number): Store {
  let left = changes
  const change = <T>(act: () => Promise<T>): Promise<T> => {
    if (left-- > 0) return act()
    return Promise.reject(
      new CairnError('store-unwritable', 'killed', { context: { retry: false } }),
    )
  }
  return decorate(store, {
    put: (name, parts) => change(() => store.put(name, parts)),
    remove: (name) => change(() => store.remove(name)),
  })
}
