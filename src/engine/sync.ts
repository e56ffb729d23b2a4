// Sync: a repository, or what is new in it, copied to another store as ciphertext. No key is needed: almost
// everything is named by its SHA-256, so copying is comparing names, and nothing is ever overwritten.
//
// What holds whenever a run ends, by kill or by error: the target has no snapshot that was put before its
// packs (but for those that the source could not give out), and no receipt that was put before its snapshot
// (sync/plan.ts says in which order, sync/survey.ts why what was listed is whole). Names that a mark at the
// target names are never put there again.

import type { Clock } from '../base/clock.ts'
import { CairnError, isCairnError } from '../base/errors.ts'
import { isCopy, putOrigin } from '../repository/origins.ts'
import type { ObjectInfo, Store } from '../store/store.ts'
import { planSync, type SyncPlan, type SyncProblem } from './sync/plan.ts'
import {
  forgottenAt,
  goneAtSource,
  planRemovals,
  type Removals,
  removeGone,
} from './sync/remove-gone.ts'
import { type LackingPack, lackingAtTarget } from './sync/roots.ts'
import { expectSameRepository } from './sync/same-repository.ts'
import { listFolder, type Survey, type SyncFolder, survey } from './sync/survey.ts'
import { readTargetMarks, type TargetMark } from './sync/target-marks.ts'
import { Transfer } from './sync/transfer.ts'

export interface SyncProgress {
  readonly objects: number
  readonly objectsTotal: number
  readonly bytes: number
  readonly bytesTotal: number
}

export interface SyncOptions {
  readonly source: Store
  /** May be empty, and be made by the first put. */
  readonly target: Store
  /** Remove at the target the snapshots that the source has forgotten. */
  readonly delete: boolean
  readonly dryRun: boolean
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly onProgress: (progress: SyncProgress) => void
  readonly onProblem: (problem: SyncProblem) => void
  /** In a dry run: what a run would copy and remove. */
  readonly onPlanned: (action: 'copy' | 'delete', object: Pick<ObjectInfo, 'name'>) => void
  readonly onDeleted: (name: string) => void
}

export interface SyncResult {
  /** Objects that were copied, and their bytes. */
  readonly objects: number
  readonly bytes: number
  /** Of these, how many were snapshots. */
  readonly snapshots: number
  /** Objects that the target had already. */
  readonly present: number
  /** Snapshots that were not put, or not confirmed: the target may lack what they need. */
  readonly heldSnapshots: number
  /** Snapshots that were removed. */
  readonly deleted: number
  /** Those that were not, because something could not be copied. */
  readonly kept: number
  readonly problems: number
}

/** How often the source is listed anew where it is pruned all the while. */
const ROUNDS_MAX = 8

/**
 * Copies. Throws 'no-repository' where the source is none, 'object-foreign' where the target is another one,
 * 'not-found' where `delete` would leave no snapshot, 'interrupted', or what the stores throw; what is
 * wrong with single objects is told and counted.
 */
export async function sync(options: SyncOptions): Promise<SyncResult> {
  const found = await survey(options)
  await expectSameRepository(options, found)
  if (options.delete) expectSnapshots(options.source, found)
  if (options.dryRun) return await planned(options, found)
  return new SyncRun(options).run(found)
}

/** An empty listing is rather a source that lost its snapshots than one whose copies nobody wants. */
function expectSnapshots(source: Store, found: Survey): void {
  if (found.source.snapshots.length > 0) return
  throw new CairnError(
    'not-found',
    `Cannot copy deletions from ${source.address}: it lists no snapshot at all`,
    { hint: 'Look at it with `cairn snapshots`. Without --delete, sync removes nothing.' },
  )
}

async function planned(options: SyncOptions, found: Survey): Promise<SyncResult> {
  const plan = planSync(found, { failed: new Set() })
  const { remove, unexplained } = await removals(options, found)
  const problems = [...plan.problems, ...unexplainedProblems(unexplained)]
  for (const problem of problems) options.onProblem(problem)
  for (const object of Object.values(plan.copy).flat()) options.onPlanned('copy', object)
  for (const name of remove) options.onPlanned('delete', { name })
  return {
    objects: plan.objects,
    bytes: plan.bytes,
    snapshots: plan.copy.snapshots.length,
    present: plan.present,
    heldSnapshots: plan.heldSnapshots,
    deleted: remove.length,
    kept: 0,
    problems: problems.length,
  }
}

const NO_REMOVALS: Removals = { remove: [], unexplained: [] }

async function removals(
  options: SyncOptions,
  found: Pick<Survey, 'source' | 'target'>,
): Promise<Removals> {
  if (!options.delete) return NO_REMOVALS
  const forgotten = await forgottenAt(options.source, goneAtSource(found))
  const { remove, unexplained } = planRemovals(found, forgotten)
  const gone: string[] = []
  // A listing may lag, or be stale.
  for (const name of unexplained)
    if ((await options.source.stat(name)) === undefined) gone.push(name)
  return { remove, unexplained: gone }
}

class SyncRun {
  readonly #options: SyncOptions
  readonly #transfer: Transfer
  readonly #told = new Set<string>()
  /** At the target, all that were ever seen: what they name is not put by this run when they are gone either. */
  readonly #marks = new Map<string, TargetMark>()
  #problems = 0
  #objects = 0
  #bytes = 0
  #snapshots = 0
  /** What the plan in hand would come to. */
  #total = { objects: 0, bytes: 0 }

  constructor(options: SyncOptions) {
    this.#options = options
    this.#transfer = new Transfer({
      ...options,
      onProblem: (problem) => this.#tell(problem),
      onPut: (object) => this.#count(object),
    })
  }

  async run(found: Survey): Promise<SyncResult> {
    const { present } = planSync(found, { failed: new Set() })
    const settled = await this.#copyPacks(found)
    await this.#copy(settled.plan, ['sightings', 'forgets', 'renewals', 'losses'])
    const { plan, heldSnapshots } = await this.#copyRoots(settled)
    // A sweep of a mark must find the snapshots that need what it names; and what is held and not there is missed.
    if (heldSnapshots === 0) await this.#copy(plan, ['holds', 'marks'])
    const { removed, kept } = await this.#remove(settled.found)
    return {
      objects: this.#objects,
      bytes: this.#bytes,
      snapshots: this.#snapshots,
      present,
      heldSnapshots,
      deleted: removed,
      kept,
      problems: this.#problems,
    }
  }

  /**
   * Keys, configs, packs, then the index. A pack that is gone was pruned: what was needed of it has
   * moved, so the source is listed again. Where anyone marks, it is listed twice at the least: in one
   * listing, which takes its time, a frame can move from a pack not listed yet to a place that was.
   */
  async #copyPacks(first: Survey): Promise<Settled> {
    for (let round = 1, found = first; ; round++, found = await survey(this.#options)) {
      const plan = this.#plan(found)
      await this.#tellOrigin(found)
      await this.#copy(plan, ['keys'])
      await this.#transfer.copy(plan.copy.config, { inOrder: true })
      const vanished = await this.#copy(plan, ['packs'])
      const isLast = round === ROUNDS_MAX
      const isSettled = vanished.length === 0 && (round > 1 || !isMarked(found))
      if (!isSettled && !isLast) continue
      const gone = await this.#copy(plan, ['index'])
      if (gone.length > 0 && !isLast) continue
      const unsettled = vanished.length > 0
      if (unsettled) this.#tell(unsettledProblem(vanished))
      return { found, plan, unsettled }
    }
  }

  /** First, so that a prune of the target leaves alone what comes. It is advice: where it cannot be put the rest matters more. */
  async #tellOrigin({ source: { packs } }: Survey): Promise<void> {
    const { source, target, clock } = this.#options
    const isOfCopy = await isCopy(source)
    try {
      await putOrigin(target, { packs, isOfCopy, nowMs: clock.nowMs() })
    } catch (error) {
      if (!isCairnError(error, 'no-space', 'not-permitted')) throw error
    }
  }

  /** Snapshots, and their receipts where all that they may need was still there after they were put. */
  async #copyRoots({
    found,
    unsettled,
  }: Settled): Promise<{ plan: SyncPlan; heldSnapshots: number }> {
    const plan = await this.#planRoots(found, unsettled)
    let { heldSnapshots } = plan
    let vanished = 0
    let isWhole = true
    for (const { snapshots, receipts } of plan.roots) {
      if (isWhole) {
        vanished += (await this.#transfer.copy(snapshots, { inOrder: true })).length
        isWhole = await this.#isWhole(found)
      }
      if (isWhole) vanished += (await this.#transfer.copy(receipts, { inOrder: true })).length
      else heldSnapshots += snapshots.length
    }
    // Forgotten meanwhile: the record explains a receipt that was still there.
    if (vanished > 0) await this.#copyNewForgets(found)
    return { plan, heldSnapshots }
  }

  /** Somebody may prune the target at the same time. */
  async #planRoots(found: Survey, unsettled: boolean): Promise<SyncPlan> {
    const marks = await readTargetMarks(this.#options.target)
    return this.#plan({ ...found, marks }, { unsettled })
  }

  async #isWhole(found: Survey): Promise<boolean> {
    const { heldPacks } = await this.#planRoots(found, false)
    const { source } = found
    const { failed } = this.#transfer
    const [lacking] = await lackingAtTarget(this.#options.target, { source, failed })
    if (lacking !== undefined) this.#tell(lackingProblem(lacking))
    return heldPacks === 0 && lacking === undefined
  }

  #targetNow({ target }: Survey): ReadonlyMap<string, number> {
    return new Map([...target, ...this.#transfer.put])
  }

  #plan(found: Survey, { unsettled = false }: { readonly unsettled?: boolean } = {}): SyncPlan {
    const target = this.#targetNow(found)
    for (const mark of found.marks) this.#marks.set(mark.name, mark)
    const marks = [...this.#marks.values()]
    const { failed } = this.#transfer
    const plan = planSync({ ...found, target, marks }, { failed, unsettled })
    for (const problem of plan.problems) this.#tell(problem)
    this.#total = { objects: this.#objects + plan.objects, bytes: this.#bytes + plan.bytes }
    this.#showProgress()
    return plan
  }

  async #copy(plan: SyncPlan, folders: readonly SyncFolder[]): Promise<readonly string[]> {
    const vanished: string[] = []
    for (const folder of folders) {
      vanished.push(...(await this.#transfer.copy(plan.copy[folder])))
    }
    return vanished
  }

  async #copyNewForgets({ target }: Survey): Promise<void> {
    const { put, failed } = this.#transfer
    const forgets = await listFolder(this.#options.source, 'forgets')
    const isNew = ({ name }: ObjectInfo) => !target.has(name) && !put.has(name) && !failed.has(name)
    await this.#transfer.copy(forgets.filter(isNew))
  }

  /** Only where all was copied: then the forget records are there, and the source is as it should be. */
  async #remove(found: Survey): Promise<{ removed: number; kept: number }> {
    const now = { source: found.source, target: this.#targetNow(found) }
    const { remove, unexplained } = await removals(this.#options, now)
    const isWhole = this.#problems === 0
    for (const problem of unexplainedProblems(unexplained)) this.#tell(problem)
    if (!isWhole) return { removed: 0, kept: remove.length + unexplained.length }
    const removed = await removeGone(this.#options, remove)
    return { removed, kept: remove.length - removed + unexplained.length }
  }

  /** Plans are made several times, and find the same again. */
  #tell(problem: SyncProblem): void {
    const key = `${problem.kind} ${problem.object}`
    if (this.#told.has(key)) return
    this.#told.add(key)
    this.#problems++
    this.#options.onProblem(problem)
  }

  #count({ name, size }: ObjectInfo): void {
    this.#objects++
    this.#bytes += size
    if (name.startsWith('snapshots/')) this.#snapshots++
    this.#showProgress()
  }

  #showProgress(): void {
    this.#options.onProgress({
      objects: this.#objects,
      objectsTotal: Math.max(this.#total.objects, this.#objects),
      bytes: this.#bytes,
      bytesTotal: Math.max(this.#total.bytes, this.#bytes),
    })
  }
}

interface Settled {
  readonly found: Survey
  readonly plan: SyncPlan
  /** Packs went faster than they could be copied. */
  readonly unsettled: boolean
}

function isMarked({ source, marks }: Survey): boolean {
  return source.marks.length > 0 || marks.length > 0
}

function unexplainedProblems([object, ...more]: readonly string[]): readonly SyncProblem[] {
  if (object === undefined) return []
  const which = more.length > 0 ? `this snapshot and ${more.length} more are` : 'this snapshot is'
  const stays = more.length > 0 ? 'they stay' : 'it stays'
  const what = `${which} gone at the source, and no forget record there says why: ${stays} in the copy`
  return [{ kind: 'missing', object, what }]
}

function unsettledProblem(vanished: readonly string[]): SyncProblem {
  const [object = '', ...more] = vanished
  const others = more.length > 0 ? ` and ${more.length} more` : ''
  const what = `the source was pruned all the while: this pack${others} was gone when it was to be copied`
  return { kind: 'unsettled', object, what }
}

function lackingProblem({ name: object, isThere }: LackingPack): SyncProblem {
  if (isThere) {
    const what = 'the target has other bytes under this name, and snapshots may need this pack'
    return { kind: 'mismatch', object, what }
  }
  const what = 'the target was pruned meanwhile: this pack is gone there, and snapshots may need it'
  return { kind: 'marked', object, what }
}
