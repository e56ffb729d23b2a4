// Copying snapshots into another repository, which has other keys: find out what a snapshot needs, open that
// and seal it for the target, write its trees with the target's ids, then commit as a backup does. Each
// snapshot is whole in the target or is not there; what was stored stays and is found the next time.

import { type Bytes, toHex } from '../base/bytes.ts'
import { CairnError } from '../base/errors.ts'
import type { BlobId } from '../format/ids.ts'
import { SESSION_ID_BYTES } from '../format/snapshot.ts'
import type { DomainAccess } from '../repository/access.ts'
import { HeldLease } from '../repository/lease.ts'
import { aboutObject, type ObjectProblem } from '../repository/object-problem.ts'
import { type Followed, loadPredecessor } from '../repository/predecessor.ts'
import type { Repository } from '../repository/repository.ts'
import { openDetails, type Snapshot, sourceIdOf } from '../repository/snapshots.ts'
import { commit } from './backup/commit.ts'
import { expectMayWriteFor } from './backup/describe.ts'
import { CopiedBefore } from './copy/copied-before.ts'
import { bytesToRead, copyData } from './copy/copy-data.ts'
import { CopySightings } from './copy/copy-sightings.ts'
import { copyTree } from './copy/copy-trees.ts'
import { copyDetails, copySummary } from './copy/describe-copy.ts'
import { EarlierCopies } from './copy/earlier-copies.ts'
import { oldestFirst } from './copy/oldest-first.ts'
import type { CopyOptions, CopyOutcome, CopyResult } from './copy/options.ts'
import { SourceBlobs } from './copy/source-blobs.ts'
import { type Survey, survey } from './copy/survey.ts'
import { TargetPass } from './copy/target-pass.ts'

/** Passes over a snapshot before giving up on a target that keeps losing what is relied upon. */
const PASSES = 3
const PASS_PAUSE_MS = 2000
const FOLDERS_AT_ONCE = 64

/**
 * Copies. Throws 'usage' where both are one repository, 'not-permitted' without the keys, 'interrupted', or
 * what failed in the target.
 */
export async function copy(options: CopyOptions): Promise<CopyResult> {
  expectTwo(options)
  expectPermitted(options)
  const { target: repository, domain, host, clock, random, dryRun } = options
  const onProblem = (problem: ObjectProblem) => options.onWarning(aboutObject(problem))
  const copied = await CopiedBefore.load(repository, { domain, onProblem })
  if (dryRun) return plan(options, copied)
  const sessionId = random(SESSION_ID_BYTES)
  const purpose = 'backup'
  const asked = { repository, domain, host, clock, sessionId, purpose } as const
  const lease = await HeldLease.take({ ...asked, onProblem: options.onWarning })
  try {
    return await new Copying(options, copied).run()
  } finally {
    await lease.release()
  }
}

function expectTwo({ source, target }: CopyOptions): void {
  if (source.idHex !== target.idHex) return
  const places = `${source.store.address} and ${target.store.address}`
  throw new CairnError('usage', `Cannot copy: ${places} are the same repository`, {
    hint: 'To keep a second copy of a repository as it is, use `cairn sync`.',
  })
}

/** Found out before anything is read. */
function expectPermitted({ source, target, domain, snapshots }: CopyOptions): void {
  if (!domain.canWrite) throw mayNot('write to', target)
  for (const snapshot of snapshots) {
    if (!snapshot.domain.canOpen) throw mayNot('open what is stored in', source)
    const { source: sourceName, host } = openDetails(source, snapshot)
    expectMayWriteFor({ domain, sourceName, host })
  }
}

function mayNot(what: string, { store, role }: Repository): CairnError {
  const text = `Not permitted: this ${role} key may not ${what} the repository at ${store.address}`
  return new CairnError('not-permitted', text, {
    hint: 'Copying takes a key that opens the one repository, and one that writes to the other.',
  })
}

function plan({ snapshots, onSnapshot }: CopyOptions, copied: CopiedBefore): CopyResult {
  const outcomes = oldestFirst(snapshots).map((snapshot): CopyOutcome => {
    const there = copied.find(snapshot)
    if (there === undefined) return { kind: 'planned', snapshot }
    return { kind: 'present', snapshot, name: there.name }
  })
  for (const outcome of outcomes) onSnapshot(outcome)
  return { outcomes, readBytes: 0, addedBytes: 0, addedStoredBytes: 0 }
}

interface Added {
  readonly bytes: number
  readonly storedBytes: number
}

class Copying {
  readonly #options: CopyOptions
  readonly #copied: CopiedBefore
  /** By id. */
  readonly #known: ReadonlyMap<string, Snapshot>
  readonly #sightings: CopySightings
  readonly #earlier: EarlierCopies
  readonly #sources = new Map<string, SourceBlobs>()
  /** What the next copy of each source follows in the target; undefined where there is none. */
  readonly #previous = new Map<string, Followed | undefined>()
  readonly #outcomes: CopyOutcome[] = []
  #pass: TargetPass | undefined
  #readBytes = 0
  #added: Added = { bytes: 0, storedBytes: 0 }
  #steps = 0

  constructor(options: CopyOptions, copied: CopiedBefore) {
    this.#options = options
    this.#copied = copied
    const { snapshots, known = snapshots } = options
    this.#known = new Map(known.map((one) => [one.id, one]))
    this.#sightings = new CopySightings(options)
    this.#earlier = new EarlierCopies(options, copied)
  }

  async run(): Promise<CopyResult> {
    const { snapshots, onSnapshot, onWarning } = this.#options
    try {
      for (const snapshot of oldestFirst(snapshots)) {
        this.#tellProgress(0, 0)
        const outcome = await this.#copyUnlessThere(snapshot)
        this.#outcomes.push(outcome)
        onSnapshot(outcome)
      }
      await this.#pass?.store()
    } catch (error) {
      await this.#pass?.keepWhatIsStored().catch(onWarning)
      throw error
    }
    this.#takeAdded()
    const { bytes, storedBytes } = this.#added
    const counts = { addedBytes: bytes, addedStoredBytes: storedBytes }
    return { outcomes: this.#outcomes, readBytes: this.#readBytes, ...counts }
  }

  async #copyUnlessThere(snapshot: Snapshot): Promise<CopyOutcome> {
    const there = this.#copied.find(snapshot)
    if (there !== undefined) return { kind: 'present', snapshot, name: there.name }
    for (let passes = 1; passes <= PASSES; passes++) {
      const outcome = await this.#attempt(snapshot)
      if (outcome !== undefined) return outcome
      // What is gone may only be late in a listing.
      await this.#options.clock.sleep(PASS_PAUSE_MS * passes)
      this.#takeAdded()
      this.#pass = undefined
    }
    throw new CairnError(
      'snapshot-unconfirmed',
      'Cannot confirm the copy of a snapshot: packs that it needs keep vanishing from the target',
      { hint: 'See who else prunes that repository, then run the same command again.' },
    )
  }

  /** One snapshot; undefined where something in the target was lost on the way. */
  async #attempt(snapshot: Snapshot): Promise<CopyOutcome | undefined> {
    const { domain, target } = this.#options
    this.#pass ??= await TargetPass.begin(this.#options, domain)
    const pass = this.#pass
    const before = { bytes: pass.addedBytes, storedBytes: pass.addedStoredBytes }
    const filled = await this.#fill(pass, snapshot)
    if ('problems' in filled) return { kind: 'damaged', snapshot, problems: filled.problems }
    await pass.store()
    const added = {
      addedBytes: pass.addedBytes - before.bytes,
      addedStoredBytes: pass.addedStoredBytes - before.storedBytes,
    }
    const described = await this.#describe(snapshot, { roots: filled.roots, ...added })
    const outcome = await commit({
      ...this.#options,
      ...described,
      repository: target,
      stored: pass.stored,
      relied: pass.relied,
      beforeReceipt: (name) => this.#sightings.record(snapshot, name),
    })
    if (outcome.kind === 'lost') return undefined
    const { summary } = described
    const { sequence, predecessor, roots } = summary
    this.#copied.add(snapshot, { name: outcome.snapshot, sequence, predecessor, roots })
    if (summary.replaces === undefined)
      this.#previous.set(toHex(summary.sourceId), { follows: outcome.snapshot, summary })
    return { kind: 'copied', snapshot, name: outcome.snapshot }
  }

  /** Stores all that a snapshot needs, unless that cannot be had: then it tells what is damaged. */
  async #fill(
    pass: TargetPass,
    snapshot: Snapshot,
  ): Promise<{ readonly roots: readonly BlobId[] } | { readonly problems: number }> {
    let source = await this.#sourceOf(snapshot)
    let found = await this.#copyDataOf(pass, source, snapshot)
    // A pack that is gone was perhaps pruned, and what it had moved.
    if (found.isMissing && (await this.#reload(source, snapshot))) {
      source = await this.#sourceOf(snapshot)
      found = await this.#copyDataOf(pass, source, snapshot)
    }
    if (found.problems > 0) return this.#tellProblems(pass, { source, snapshot })
    const roots: BlobId[] = []
    for (const root of snapshot.summary.roots) {
      roots.push(await copyTree({ source, pass, onNode: () => this.#step() }, root as BlobId))
    }
    return { roots }
  }

  /** What is wrong with what a snapshot needs, without telling it yet. */
  async #copyDataOf(
    pass: TargetPass,
    source: SourceBlobs,
    snapshot: Snapshot,
  ): Promise<Pick<Survey, 'problems' | 'isMissing'>> {
    const onFolder = () => this.#step()
    await this.#earlier.learn(snapshot, { source, pass, onNode: onFolder })
    const needs = await survey({ source, pass, snapshot, onFolder, onProblem: () => undefined })
    if (needs.problems > 0) return needs
    const total = bytesToRead(source, needs.data)
    let read = 0
    const onRead = (bytes: number) => {
      this.#expectGoingOn()
      read += bytes
      this.#readBytes += bytes
      this.#tellProgress(read, total)
    }
    await copyData({ source, pass, data: needs.data, onRead })
    const damage = [...needs.data].map((number) => source.damaged.get(number)?.code)
    const problems = damage.filter((code) => code !== undefined).length
    return { problems, isMissing: damage.includes('object-missing') }
  }

  /** Once more, for the paths: what could not be read is known now. */
  async #tellProblems(
    pass: TargetPass,
    { source, snapshot }: { readonly source: SourceBlobs; readonly snapshot: Snapshot },
  ): Promise<{ readonly problems: number }> {
    const onFolder = () => this.#step()
    const onProblem = (path: Bytes, error: CairnError) =>
      this.#options.onProblem({ snapshot, path, error })
    const { problems } = await survey({ source, pass, snapshot, onFolder, onProblem })
    return { problems: Math.max(1, problems) }
  }

  async #sourceOf({ domain, summary }: Snapshot): Promise<SourceBlobs> {
    const known = this.#sources.get(domain.hex)
    if (known !== undefined) return known
    const wanted = summary.roots as readonly BlobId[]
    const to = this.#options.domain
    const loaded = await SourceBlobs.load(this.#options.source, { domain, wanted, to })
    this.#sources.set(domain.hex, loaded)
    return loaded
  }

  /** Loads the index of the source again; false where that changes nothing. */
  async #reload(source: SourceBlobs, snapshot: Snapshot): Promise<boolean> {
    this.#sources.delete(source.domain.hex)
    const again = await this.#sourceOf(snapshot)
    const packsOf = ({ index }: SourceBlobs) => index.packs.map(({ name }) => name).sort()
    if (packsOf(again).join() !== packsOf(source).join()) return true
    this.#sources.set(source.domain.hex, source)
    return false
  }

  async #describe(
    snapshot: Snapshot,
    own: { roots: readonly BlobId[]; addedBytes: number; addedStoredBytes: number },
  ): Promise<Pick<Parameters<typeof commit>[0], 'summary' | 'details'>> {
    const { source, domain, program, random } = this.#options
    const details = copyDetails(source, { snapshot, root: own.roots[0] as BlobId })
    const summary = copySummary({
      ...own,
      domain,
      program,
      original: snapshot,
      sourceName: details.source,
      // Of each its own: of one session another snapshot would explain that this one is gone.
      sessionId: random(SESSION_ID_BYTES),
      previous: await this.#previousOf(domain, details.source),
      replaced: this.#copied.replacedBy(snapshot, this.#known),
    })
    return { summary, details }
  }

  async #previousOf(domain: DomainAccess, sourceName: string): Promise<Followed | undefined> {
    const sourceId = sourceIdOf(domain, sourceName)
    const key = toHex(sourceId)
    if (!this.#previous.has(key)) {
      const onProblem = (problem: ObjectProblem) => this.#options.onWarning(aboutObject(problem))
      const { target, catalog } = this.#options
      const found = await loadPredecessor(target, { domain, sourceId, catalog, onProblem })
      this.#previous.set(key, found)
    }
    return this.#previous.get(key)
  }

  #takeAdded(): void {
    const { addedBytes = 0, addedStoredBytes = 0 } = this.#pass ?? {}
    const { bytes, storedBytes } = this.#added
    this.#added = { bytes: bytes + addedBytes, storedBytes: storedBytes + addedStoredBytes }
  }

  /** Where all nodes are in memory nothing else would let a signal or an upload come through. */
  async #step(): Promise<void> {
    this.#expectGoingOn()
    if (++this.#steps % FOLDERS_AT_ONCE !== 0) return
    await new Promise((resolve) => setImmediate(resolve))
    await this.#pass?.packs.keepUp()
  }

  #expectGoingOn(): void {
    if (this.#options.signal.aborted) throw new CairnError('interrupted', 'Interrupted')
  }

  #tellProgress(bytes: number, bytesTotal: number): void {
    const { snapshots, onProgress } = this.#options
    const counts = { snapshots: this.#outcomes.length, snapshotsTotal: snapshots.length }
    onProgress({ ...counts, bytes, bytesTotal })
  }
}
