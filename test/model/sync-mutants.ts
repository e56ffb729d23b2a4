// Mistakes that can be made in copying.

import type { Edit, Mutant } from './mutant.ts'

const SYNC = 'src/engine/sync.ts'
const PLAN = 'src/engine/sync/plan.ts'
const SURVEY = 'src/engine/sync/survey.ts'

/** The last look at the packs of the target finds what the source lists and the target never had. */
const BLIND: Edit = {
  file: SYNC,
  find: 'lackingAtTarget(this.#options.target, { source, failed })',
  replace:
    'lackingAtTarget(this.#options.target, { source: { ...source, packs: source.packs.filter(({ name }) => this.#targetNow(found).has(name)) }, failed })',
}
const TRUSTING: Edit = {
  file: PLAN,
  find: 'const followed = new Set(marksAfterSnapshots(found))',
  replace: 'const followed = marksAfterSnapshots(found).length < 0 ? new Set<string>() : shared',
}

export const SYNC_MUTANTS: Readonly<Record<string, Mutant>> = {
  'sync: marks of the target not read again before receipts': {
    edits: [
      {
        file: SYNC,
        find: 'const { heldPacks } = await this.#planRoots(found, false)',
        replace: 'const { heldPacks } = this.#plan(found)',
      },
    ],
    configuration: 'sync-to-dead-packs',
    expected: /has lost/,
  },
  'sync: marks of the target read but once': {
    edits: [
      {
        file: SYNC,
        find: 'const marks = await readTargetMarks(this.#options.target)',
        replace: 'const { marks } = await Promise.resolve(found); void readTargetMarks',
      },
    ],
    configuration: 'sync-to-dead-packs',
    expected: /has lost/,
  },
  'sync: packs of the target not listed again before receipts': {
    edits: [
      {
        file: SYNC,
        find: 'return heldPacks === 0 && lacking === undefined',
        replace: 'return heldPacks === 0',
      },
    ],
    configuration: 'sync-to-dead-packs',
    expected: /has lost/,
  },
  'sync: packs of the target listed before its marks': {
    edits: [
      {
        file: SYNC,
        find: '    const { heldPacks } = await this.#planRoots(found, false)\n',
        replace: '',
      },
      {
        file: SYNC,
        find: '    if (lacking !== undefined) this.#tell(lackingProblem(lacking))\n',
        replace:
          '    if (lacking !== undefined) this.#tell(lackingProblem(lacking))\n    const { heldPacks } = await this.#planRoots(found, false)\n',
      },
    ],
    configuration: 'sync-to-dead-packs',
    expected: /has lost/,
  },
  'sync: a mark that went is forgotten, and packs that were held by it are not looked for': {
    edits: [
      {
        file: SYNC,
        find: 'const marks = [...this.#marks.values()]',
        replace: 'const { marks } = found',
      },
      BLIND,
    ],
    configuration: 'sync-to-dead-packs',
    expected: /has lost/,
  },
  'sync: marked packs put again': {
    edits: [
      {
        file: PLAN,
        find: 'packs: lacking.packs.filter(({ name }) => !marked.packs.has(name)),',
        replace: 'packs: lacking.packs,',
      },
    ],
    configuration: 'sync-to-marked-packs',
    expected: /put again/,
  },
  'sync: snapshots before packs': {
    edits: [
      {
        file: SYNC,
        find: '    const settled = await this.#copyPacks(found)\n',
        replace:
          "    await this.#copy(this.#plan(found), ['snapshots', 'receipts'])\n    const settled = await this.#copyPacks(found)\n",
      },
    ],
    configuration: 'sync-for-weeks',
    expected: /has lost/,
  },
  'sync: packs of the source listed first': {
    edits: [
      {
        file: SURVEY,
        find: "  'marks',\n  'receipts',\n",
        replace: "  'packs',\n  'marks',\n  'receipts',\n",
      },
      { file: SURVEY, find: "  'index',\n  'packs',\n", replace: "  'index',\n" },
    ],
    configuration: 'sync-writer-forgetter',
    expected: /has lost/,
  },
  'sync: receipts of the source listed after snapshots and packs': {
    edits: [
      { file: SURVEY, find: "  'receipts',\n  'snapshots',\n", replace: '' },
      {
        file: SURVEY,
        find: "  'index',\n  'packs',\n",
        replace: "  'index',\n  'packs',\n  'snapshots',\n  'receipts',\n",
      },
    ],
    configuration: 'sync-writer-forgetter',
    expected: /has lost|without a receipt|and is gone/,
  },
  'sync: forget records of the source listed before snapshots': {
    edits: [
      {
        file: SURVEY,
        find: "  'marks',\n  'receipts',\n",
        replace: "  'marks',\n  'forgets',\n  'receipts',\n",
      },
      { file: SURVEY, find: "  'holds',\n  'forgets',\n", replace: "  'holds',\n" },
    ],
    configuration: 'sync-writer-forgetter',
    expected: /is gone|without a receipt/,
  },
  'sync: packs that went at the source are passed over': {
    edits: [
      {
        file: SYNC,
        find: 'const isSettled = vanished.length === 0 && (round > 1 || !isMarked(found))',
        replace: 'const isSettled = isMarked(found) || round > 0',
      },
      {
        file: SYNC,
        find: 'const unsettled = vanished.length > 0',
        replace: 'const unsettled = round < 0',
      },
      BLIND,
    ],
    configuration: 'sync-from-moving-frames',
    expected: /has lost/,
  },
  'sync: a mark that both have is trusted whatever the target lacks': {
    edits: [TRUSTING],
    configuration: 'sync-to-shared-mark',
    expected: /has lost/,
  },
  'sync: marks of the source before the snapshots that need what they name': {
    edits: [
      TRUSTING,
      {
        file: SYNC,
        find: "await this.#copy(plan, ['index'])",
        replace: "await this.#copy(plan, ['marks', 'index'])",
      },
    ],
    configuration: 'sync-of-a-mark',
    expected: /has lost/,
  },
  'sync: a mark goes while somebody else may still be sweeping it': {
    edits: [
      {
        file: 'src/engine/prune/sweep.ts',
        find: '  if (await isOtherAtUpkeep(repository, { own, nowMs }))\n',
        replace: '  if ((await isOtherAtUpkeep(repository, { own, nowMs })) && nowMs < 0)\n',
      },
    ],
    configuration: 'sync-and-two-sweepers',
    expected: /has lost/,
  },
  'sync: a mark that has gone since it was listed is swept': {
    edits: [
      {
        file: 'src/engine/prune/sweep.ts',
        find: '      if (!(await isAnyThere(store, marksOf.get(name) ?? []))) return\n',
        replace: '      await isAnyThere(store, marksOf.get(name) ?? [])\n',
      },
    ],
    configuration: 'sync-and-two-sweepers',
    expected: /has lost/,
  },
}
