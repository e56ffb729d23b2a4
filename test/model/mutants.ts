// Mistakes that can be made in the protocol, each as a change of the code that ships. The suite must catch
// every one: a configuration in which something is then lost.

import type { Mutant } from './mutant.ts'
import { SYNC_MUTANTS } from './sync-mutants.ts'

const COMMIT = 'src/engine/backup/commit.ts'
const PLAN = 'src/engine/prune/plan.ts'
const LIVENESS = 'src/engine/prune/liveness.ts'
const SWEEP = 'src/engine/prune/sweep.ts'

export const MUTANTS: Readonly<Record<string, Mutant>> = {
  'who forgets does not wait until every listing shows the record': {
    edits: [
      {
        file: 'src/engine/forget/execute.ts',
        find: 'if (lagMs > 0) await clock.sleep(lagMs)',
        replace: 'if (lagMs < 0) await clock.sleep(lagMs)',
      },
    ],
    configuration: 'forgetter-under-lag',
    expected: /has lost/,
  },
  'who forgets does not look whether it was suspended': {
    edits: [
      {
        file: 'src/engine/forget/execute.ts',
        find: 'if (await isOld()) return [...again, ...going.slice(at)]\n',
        replace: 'await isOld()\n',
      },
    ],
    configuration: 'suspended-forgetter',
    expected: /has lost/,
  },
  'who forgets does not look who else does': {
    edits: [
      {
        file: 'src/engine/forget/execute.ts',
        find: 'if (minimum === 0) return going',
        replace: 'if (minimum >= 0) return going',
      },
    ],
    configuration: 'two-forgetters',
    expected: /snapshots are left/,
  },
  'check before the put instead of after': {
    edits: [
      {
        file: COMMIT,
        find: `    const snapshot = await putSnapshot(repository, options)
    const lost = await findLostPacks(repository, { domain, packs })
    if (lost.length > 0) return { kind: 'lost', packs: lost }
`,
        replace: `    const lost = await findLostPacks(repository, { domain, packs })
    if (lost.length > 0) return { kind: 'lost', packs: lost }
    const snapshot = await putSnapshot(repository, options)
`,
      },
    ],
    configuration: 'writer-and-pruner',
    expected: /has lost/,
  },
  'packs listed before marks': {
    edits: [
      {
        file: 'src/engine/lost-packs.ts',
        find: `  const marked = await loadMarks(repository, domain, onMarkProblem)
  const listed = await PackListing.of(repository.store)
`,
        replace: `  const listed = await PackListing.of(repository.store)
  const marked = await loadMarks(repository, domain, onMarkProblem)
`,
      },
    ],
    configuration: 'writer-and-pruner',
    expected: /has lost/,
  },
  "only one's own mark excluded in the sweep": {
    edits: [
      {
        file: PLAN,
        find: '.filter(({ ripeAtMs }) => ripeAtMs <= survey.nowMs).map(({ mark }) => mark)',
        replace:
          '.filter(({ ripeAtMs }) => ripeAtMs <= survey.nowMs).map(({ mark }) => mark).slice(-1)',
      },
      {
        file: LIVENESS,
        find: 'const staying = this.#first(copies, this.#isUnmarked)',
        replace: 'const staying = this.#first(copies, (pack) => isGoing[pack] !== true)',
      },
      {
        // The order of copies is a second guard: whoever sweeps the first copy moves it anyway.
        file: LIVENESS,
        find: 'if (staying === undefined || !this.#isBefore(staying, leaving))',
        replace: 'if (staying === undefined)',
      },
    ],
    configuration: 'two-marks',
    expected: /has lost/,
  },
  'resurrection of marked packs': {
    edits: [
      {
        file: SWEEP,
        find: 'const { moved, movedBytes, obstacles } = await moveWhatIsNeeded(plan, options)',
        replace:
          'const { moved, movedBytes, obstacles }: Moved = { moved: [], movedBytes: 0, obstacles: [] }',
      },
      {
        file: SWEEP,
        find: '({ packs, snapshots }) => ![...packs, ...snapshots].some((object) => listed.has(object)),',
        replace: '({ snapshots }) => !snapshots.some((object) => listed.has(object)),',
      },
    ],
    configuration: 'marked-and-needed-no-more',
    expected: /has lost/,
  },
  'mark removed early': {
    edits: [
      {
        file: SWEEP,
        find: '      await store.remove(name)\n      removed.push(name)\n',
        replace:
          '      for (const mark of marks) await store.remove(mark.name)\n      await store.remove(name)\n      removed.push(name)\n',
      },
    ],
    configuration: 'ripe-mark',
    expected: /has lost/,
  },
  'receipts not read again': {
    edits: [
      {
        file: PLAN,
        find: '(one) => !confirmed.has(confirmationOf(one)) && survey.holds.of(one).length === 0',
        replace: '(one) => confirmed.size >= 0 && survey.holds.of(one).length === 0',
      },
    ],
    configuration: 'late-receipt',
    expected: /is gone/,
  },
  'a name reused': {
    edits: [
      {
        file: COMMIT,
        find: '  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {\n',
        replace:
          '  let used: string | undefined\n  let bytes: Bytes | undefined\n  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {\n',
      },
      {
        file: COMMIT,
        find: '    const snapshot = await putSnapshot(repository, options)\n',
        replace: `    const snapshot = used ?? (await putSnapshot(repository, options))
    if (used === undefined) bytes = await repository.store.get(snapshot)
    else await repository.store.put(snapshot, [bytes as Bytes])
    used = snapshot
`,
      },
    ],
    configuration: 'late-receipt',
    expected: /is marked, and was put again/,
  },
  'no grace': {
    edits: [
      {
        file: PLAN,
        find: 'let ripeAtMs = storedAtMs + limits.graceMs',
        replace: 'let ripeAtMs = storedAtMs + 0 * limits.graceMs',
      },
    ],
    configuration: 'writer-and-two-pruners-under-lag',
    expected: /has lost/,
  },
  'a duplicate counted across domains': {
    edits: [
      {
        file: 'src/engine/prune/survey.ts',
        find: 'survey.headers.get(name)?.domain === domain',
        replace: 'survey.headers.get(name)?.domain !== undefined',
      },
    ],
    configuration: 'other-domain',
    expected: /has lost/,
  },
  'deletion on an id that cannot be resolved': {
    edits: [
      {
        file: PLAN,
        find: '    ...unresolved.map((object) => ({\n',
        replace: '    ...unresolved.slice(unresolved.length).map((object) => ({\n',
      },
    ],
    configuration: 'tree-gone',
    expected: /cannot be found/,
  },
  ...SYNC_MUTANTS,
}
