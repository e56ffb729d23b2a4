// How a repair goes on, whoever runs it and whatever gets in its way. Invariants after each:
//
// 1. Nothing that could be read before cannot be read.
// 2. All evidence is kept.
// 3. Killed at any change, nothing is wrong with what nothing was wrong with before and is not at its end.
// 4. A run that is not hindered ends as if the hindered one had never been.

import { describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { CairnError } from '../../src/base/errors.ts'
import { putBackOf } from '../../src/engine/repair/plan.ts'
import { stepsOf } from '../../src/engine/repair/steps.ts'
import { addGrant } from '../../src/repository/grants-add.ts'
import { putMark } from '../../src/repository/marks.ts'
import { quarantinedNames } from '../../src/repository/quarantine.ts'
import { openRepository, type Repository } from '../../src/repository/repository.ts'
import { upkeepSignatory } from '../../src/repository/upkeep-signatory.ts'
import { systemRandom } from '../../src/sealer/random.ts'
import { decorate } from '../../src/store/decorate.ts'
import { digestInName } from '../../src/store/names.ts'
import { backupFolder, Scratch } from '../engine/fixture.ts'
import { flipBit, namesOf, newSecret, withBadSectors } from '../repositories/sample.ts'
import { CASES, type DamagedCase, type Seen } from './cases.ts'
import { destroyed, evidenceIn } from './evidence.ts'
import { checkSample, linesOf, openSample, repairSample, unreadable } from './observe.ts'
import { damage, dyingAfter, expectNoWorse } from './repaired.ts'
import { copySample, type DamagedSample, makeSample } from './sample.ts'

const scratch = new Scratch()
const original = makeSample(scratch.make())

function caseOf(name: string): DamagedCase {
  const found = CASES.find((one) => one.name === name)
  if (found === undefined) throw new Error(`there is no case ${name}`)
  return found
}

async function damaged(name: string): Promise<DamagedSample> {
  return damage(await original, caseOf(name), scratch.path())
}

/** Without what is wrong with it. */
function objectOf(line: string): string {
  return line.replace(/^[a-z]+: /, '')
}

const KILLED = [
  { name: 'truncated-pack', how: 'from a copy' },
  { name: 'flipped-bit-in-frame', how: 'by itself' },
  { name: 'wrong-index', how: 'by itself' },
  { name: 'damaged-snapshot-1', how: 'from a copy' },
  { name: 'damaged-receipt-2', how: 'by itself' },
  { name: 'damaged-receipt-2', how: 'from a copy' },
  { name: 'missing-tree-pack', how: 'from a copy' },
  { name: 'missing-snapshot', how: 'from a copy' },
  { name: 'missing-receipt', how: 'from a copy' },
  { name: 'snapshot-without-its-packs', how: 'from a copy' },
]

describe('killed at any change', () => {
  test.each(KILLED)('while it repairs $name $how', async ({ name, how }) => {
    const { repaired, fromCopy } = caseOf(name)
    const from = how === 'by itself' ? undefined : (await original).store
    const choices = from === undefined ? {} : { from }
    const template = await damaged(name)
    const found = linesOf(await checkSample(await openSample(template)), template)
    const end = from === undefined ? repaired : fromCopy
    const known = new Set([...found, ...(end?.check ?? [])].map(objectOf))
    for (let changes = 0; ; changes++) {
      const sample = copySample(template, scratch.path())
      const evidence = evidenceIn(sample.folder)
      const before = await unreadable(await openSample(sample), sample)
      const store = dyingAfter(sample.store, changes)
      const repository = { ...(await openSample(sample)), store }
      const isKilled = await repairSample(repository, choices).then(
        () => false,
        () => true,
      )
      expect(destroyed(sample.folder, evidence)).toEqual([])
      expectNoWorse(before, await unreadable(await openSample(sample), sample))
      const left = linesOf(await checkSample(await openSample(sample)), sample)
      expect(
        left.filter((line) => !known.has(objectOf(line))),
        `after ${changes} changes`,
      ).toEqual([])
      const { after } = await repairSample(await openSample(sample), choices)
      const seen = {
        check: linesOf(after, sample),
        unreadable: await unreadable(await openSample(sample), sample),
      }
      expect(seen, `after ${changes} changes`).toEqual(end)
      if (!isKilled) break
    }
  })
})

test('where there is no space nothing is removed', async () => {
  for (const full of ['packs/', 'quarantine/', 'index/']) {
    const sample = await damaged('truncated-pack')
    const evidence = evidenceIn(sample.folder)
    const removed: string[] = []
    const store = decorate(sample.store, {
      put: (name, parts) =>
        name.startsWith(full)
          ? Promise.reject(new CairnError('no-space', 'The disk is full'))
          : sample.store.put(name, parts),
      remove: (name) => {
        if (!name.startsWith('leases/')) removed.push(name)
        return sample.store.remove(name)
      },
    })
    const repository = { ...(await openSample(sample)), store }
    await expect(repairSample(repository)).rejects.toMatchObject({ code: 'no-space' })
    expect(removed).toEqual([])
    expect(destroyed(sample.folder, evidence)).toEqual([])
  }
})

test('a dry run shows the plan, and changes nothing', async () => {
  const sample = await damaged('truncated-pack')
  const evidence = evidenceIn(sample.folder)
  const { plan } = await repairSample(await openSample(sample), { dryRun: true })
  expect(stepsOf(plan).map(({ action }) => action)).toEqual(['save', 'quarantine', 'lost'])
  expect(evidenceIn(sample.folder)).toEqual(evidence)
  const from = (await original).store
  const fetched = await repairSample(await openSample(sample), { dryRun: true, from })
  const steps = stepsOf(fetched.plan).map(({ action }) => action)
  expect(steps).toEqual(['save', 'fetch', 'quarantine'])
})

describe('with a key of upkeep', () => {
  const openAsUpkeep = ({ store, upkeep }: DamagedSample) => openRepository(store, upkeep)

  test('the index is made anew, and metadata comes back', async () => {
    for (const name of ['damaged-index', 'damaged-receipt-1', 'junk-in-every-folder']) {
      const sample = await damaged(name)
      const { after } = await repairSample(await openAsUpkeep(sample), { readData: false })
      expect(linesOf(after, sample)).toEqual([])
    }
  })

  test('a damaged pack stays, because nobody can tell what of it is good', async () => {
    const sample = await damaged('truncated-pack')
    const { plan } = await repairSample(await openAsUpkeep(sample), { readData: false })
    expect(stepsOf(plan)).toMatchObject([{ action: 'leave' }, { action: 'lost' }])
    // Who can open it saves the rest.
    const { after } = await repairSample(await openSample(sample))
    expect(linesOf(after, sample)).toEqual(caseOf('truncated-pack').repaired?.check)
  })

  test('it goes when a copy has all of it', async () => {
    const sample = await damaged('truncated-pack')
    const from = (await original).store
    const repository = await openAsUpkeep(sample)
    const { after } = await repairSample(repository, { readData: false, from })
    expect(linesOf(after, sample)).toEqual([])
    expect(await unreadable(await openSample(sample), sample)).toEqual({})
  })
})

describe('nothing is given up', () => {
  const lossesIn = async ({ store }: DamagedSample) => (await namesOf(store, 'losses/')).length

  test('while a bad sector may hold it', async () => {
    for (const label of ['data-pack 1', 'tree-pack 2']) {
      const sample = copySample(await original, scratch.path())
      const store = withBadSectors(sample.store, (name) => name === nameOf(sample, label))
      const repository = { ...(await openSample(sample)), store }
      const { plan, after } = await repairSample(repository, { markLost: true })
      expect(plan.unsure).toEqual([nameOf(sample, label)])
      expect(linesOf(after, sample)).toEqual([`damaged: ${label}`])
      expect(await lossesIn(sample)).toBe(1)
    }
  })

  test('while another key may save it', async () => {
    const sample = await damaged('truncated-pack')
    const repository = await openRepository(sample.store, sample.upkeep)
    await repairSample(repository, { readData: false, markLost: true })
    expect(await lossesIn(sample)).toBe(1)
    await repairSample(await openSample(sample), { markLost: true })
    expect(await lossesIn(sample)).toBe(2)
  })
})

test('what may be of a domain that the key does not hold is left to who does', async () => {
  const sample = copySample(await original, scratch.path())
  const before = new Set(await namesOf(sample.store, ''))
  const writer = newSecret()
  const making = { random: systemRandom, clock: systemClock }
  await addGrant(await openSample(sample), { role: 'writer', label: 'other', ...writer, ...making })
  await backupFolder({ repository: await openRepository(sample.store, writer) }, sample.source)
  const others = (await namesOf(sample.store, '')).filter((name) => {
    return !before.has(name) && /^(packs|index|receipts|snapshots)/.test(name)
  })
  expect(others).toHaveLength(5)
  for (const name of others) await flipBit(sample.store, { name, offset: 20 })
  const upkeep = await openRepository(sample.store, sample.upkeep)
  const { plan } = await repairSample(upkeep, { readData: false })
  expect(stepsOf(plan).every(({ action }) => action === 'leave')).toBe(true)
  expect(plan.left.map(({ name }) => name).sort()).toEqual(others)
  // The owner holds it.
  const { after } = await repairSample(await openSample(sample))
  expect(after.problems.map(({ object }) => object.replace(/\/.*/, ''))).toEqual(['snapshots'])
})

test('a backup that is at work stores again what a repair finds to be damaged', async () => {
  const sample = await damaged('flipped-bit-in-frame')
  const plain = await openSample(sample)
  let isRepaired = false
  const store = decorate(sample.store, {
    put: async (name, parts) => {
      if (name.startsWith('snapshots/') && !isRepaired) {
        isRepaired = true
        const { after } = await repairSample(plain)
        expect(linesOf(after, sample)).toEqual(['missing: data-pack 1'])
      }
      return sample.store.put(name, parts)
    },
  })
  await backupFolder({ repository: { ...plain, store } }, sample.source)
  expect(isRepaired).toBe(true)
  expect(linesOf(await checkSample(plain), sample)).toEqual([])
  expect(await unreadable(plain, sample)).toEqual({})
})

describe('refused', () => {
  test.each(['reader', 'writer'] as const)('with the key of a %s', async (role) => {
    const sample = copySample(await original, scratch.path())
    const key = newSecret()
    const given = { role, label: role, ...key, random: systemRandom, clock: systemClock }
    await addGrant(await openSample(sample), given)
    const repository = await openRepository(sample.store, key)
    const refused = expect.objectContaining({ code: 'not-permitted' }) as unknown as Error
    await expect(repairSample(repository, { dryRun: true, readData: false })).rejects.toThrow(
      refused,
    )
  })

  test('from another repository', async () => {
    const other = await makeSample(scratch.make())
    const sample = await damaged('missing-pack')
    await expect(
      repairSample(await openSample(sample), { from: other.store }),
    ).rejects.toMatchObject({
      code: 'object-foreign',
      message: expect.stringContaining('no copy') as unknown,
    })
  })
})

describe('a copy that is damaged too', () => {
  const damagedCopy = async () =>
    (await damage(await original, caseOf('flipped-bit-in-frame'), scratch.path())).store

  test('gives the frames that are good to who can open them', async () => {
    const sample = await damaged('missing-pack')
    const repository = await openSample(sample)
    const { after } = await repairSample(repository, { from: await damagedCopy() })
    const { check, unreadable: expected } = caseOf('flipped-bit-in-frame').repaired as Seen
    expect(linesOf(after, sample)).toEqual(check)
    expect(await unreadable(repository, sample)).toEqual(expected)
  })

  test('gives nothing to who cannot, and then nothing goes here', async () => {
    const sample = await damaged('truncated-pack')
    const repository = await openRepository(sample.store, sample.upkeep)
    const choices = { readData: false, from: await damagedCopy() }
    const { plan } = await repairSample(repository, choices)
    expect(stepsOf(plan)).toMatchObject([{ action: 'leave' }, { action: 'lost' }])
    expect(await sample.store.stat(nameOf(sample, 'data-pack 1'))).toBeDefined()
  })

  test('and another one complete each other', async () => {
    const sample = await damaged('flipped-bit-in-large-frame')
    const { after } = await repairSample(await openSample(sample), { from: await damagedCopy() })
    expect(linesOf(after, sample)).toEqual([])
    expect(await unreadable(await openSample(sample), sample)).toEqual({})
  })
})

function nameOf({ labels }: DamagedSample, wanted: string): string {
  const found = [...labels].find(([, label]) => label === wanted)
  if (found === undefined) throw new Error(`nothing is called ${wanted}`)
  return found[0]
}

describe('what was given up', () => {
  const givenUp = async (name: string) => {
    const sample = await damaged(name)
    await repairSample(await openSample(sample), { markLost: true })
    return sample
  }

  test('is told of by no receipt any more, which is in quarantine', async () => {
    const sample = await givenUp('missing-snapshot')
    const receipt = nameOf(sample, 'receipt 1')
    expect(await sample.store.stat(receipt)).toBeUndefined()
    expect([...(await quarantinedNames(sample.store))]).toContain(receipt)
    // And with a copy all of it comes back.
    await repairSample(await openSample(sample), { from: (await original).store })
    expect(await unreadable(await openSample(sample), sample)).toEqual({})
    expect(await sample.store.stat(receipt)).toBeDefined()
  })

  test('comes back when a copy is found', async () => {
    const sample = await givenUp('damaged-hold')
    const hold = nameOf(sample, 'hold 1')
    expect(await sample.store.stat(hold)).toBeUndefined()
    await repairSample(await openSample(sample), { from: (await original).store })
    expect(await sample.store.stat(hold)).toBeDefined()
  })

  test('and was marked then never comes back under its name', async () => {
    const sample = await givenUp('damaged-snapshot-1')
    await markSnapshot(await openSample(sample), sample)
    const from = (await original).store
    const { plan } = await repairSample(await openSample(sample), { from })
    expect(putBackOf(plan)).toEqual([])
  })
})

test('a snapshot that is not whole gets no receipt, and the damaged one that may be its stays', async () => {
  const sample = await damaged('damaged-receipt-2')
  await sample.store.remove(nameOf(sample, 'tree-pack 2'))
  const { plan } = await repairSample(await openSample(sample))
  expect(plan.confirmed).toEqual([])
  expect(plan.left.map(({ name }) => name)).toEqual([nameOf(sample, 'receipt 2')])
  expect(await sample.store.stat(nameOf(sample, 'receipt 2'))).toBeDefined()
})

async function markSnapshot(repository: Repository, sample: DamagedSample): Promise<void> {
  const name = nameOf(sample, 'snapshot 1')
  const [domain] = repository.domains
  if (domain === undefined) throw new Error('no domain')
  const mark = { packs: [], snapshots: [digestInName(name) as Uint8Array], markedMs: 1 }
  await putMark(repository, { domain, signatory: upkeepSignatory(repository, domain), mark })
}

test('check sees what was given up, until nobody needs it any more', async () => {
  const sample = await damaged('missing-tree-pack')
  await repairSample(await openSample(sample), { markLost: true })
  const { problems } = await checkSample(await openSample(sample), 'structure')
  expect(problems).toMatchObject([
    { kind: 'lost', what: expect.stringContaining('marked as such on') as unknown },
  ])
  expect(problems[0]?.snapshots).toHaveLength(1)
  await sample.store.remove(nameOf(sample, 'snapshot 2'))
  await sample.store.remove(nameOf(sample, 'receipt 2'))
  // Nobody can forget what is held.
  const held = ['missing: snapshot 2']
  expect(linesOf(await checkSample(await openSample(sample), 'structure'), sample)).toEqual(held)
  for (const name of await namesOf(sample.store, 'holds/')) await sample.store.remove(name)
  expect(linesOf(await checkSample(await openSample(sample), 'structure'), sample)).toEqual([])
})
