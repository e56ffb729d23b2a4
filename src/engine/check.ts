// Check: everything that is in the repository is what it should be, and everything that its snapshots
// need is there. The structure takes the header keys alone; reading the data takes a reader's.
//
// Snapshots and segments are read before packs are listed: a backup that is at work meanwhile puts them
// in the other order, so that what is found missing is missing.

import { CairnError } from '../base/errors.ts'
import { PACK_BYTES_MAX } from '../format/limits.ts'
import { loadIndexes } from '../repository/index-load.ts'
import { recoverIndexes } from '../repository/index-recover.ts'
import type { ListedPack } from '../repository/pack-headers.ts'
import type { Repository } from '../repository/repository.ts'
import { confirmationOf, withoutReplaced } from '../repository/snapshots.ts'
import { choosePacks, type Subset } from './check/choose-packs.ts'
import { DomainCheck } from './check/domain-check.ts'
import type { KnownSnapshot } from './check/history.ts'
import { checkMetadata } from './check/metadata-objects.ts'
import { OpenedObjects, type OpenedSnapshot } from './check/opened-objects.ts'
import { PackStage } from './check/pack-stage.ts'
import { type CheckNote, type CheckProblem, Findings } from './check/problems.ts'

/**
 * 'structure' reads what packs say of themselves, 'read-data' all of all packs, a subset some. Trees are
 * read by all of them where the key opens them: whether they fit together nothing else says.
 */
export type CheckMode = 'structure' | 'read-data' | { readonly subset: Subset }

export interface CheckProgress {
  readonly objects: number
  readonly packsTotal: number
  readonly packsDone: number
  /** Of packs that are read whole. */
  readonly bytesTotal: number
  readonly bytesDone: number
}

export interface CheckOptions {
  readonly repository: Repository
  readonly mode: CheckMode
  readonly workers: number
  /** Snapshots that whoever checks has known to count: ids, with their domains in hexadecimal. */
  readonly known?: readonly KnownSnapshot[]
  readonly signal: AbortSignal
  readonly onProgress: (progress: CheckProgress) => void
  /** Told at once; what a problem affects comes with the result. */
  readonly onProblem: (problem: CheckProblem) => void
}

export interface CheckResult {
  /** Objects that were looked at, packs included. */
  readonly objects: number
  readonly packs: number
  /** Packs of which every byte was read, and their bytes. */
  readonly packsRead: number
  readonly bytesRead: number
  /** Blobs that were opened and compared with their ids, and their plaintext. */
  readonly blobsRead: number
  readonly rawBytes: number
  /** But for those that others stand for. */
  readonly snapshots: number
  /** Of these, how many have no receipt and so do not count. */
  readonly unconfirmed: number
  /** How many more there are that the key does not open: what they need was not looked for. */
  readonly closed: number
  /** Blobs that snapshots need. */
  readonly blobsNeeded: number
  /** The first 10,000 with what they affect; `problemCount` counts all. */
  readonly problems: readonly CheckProblem[]
  readonly problemCount: number
  readonly notes: readonly CheckNote[]
}

/** Checks. Throws 'not-permitted' without the keys for the mode, 'interrupted', or what the store throws. */
export async function check(options: CheckOptions): Promise<CheckResult> {
  const { repository, mode, signal } = options
  expectKeys(repository, mode)
  const findings = new Findings(options.onProblem)
  const counts = new Counts(options.onProgress)
  const opened = new OpenedObjects()
  await checkMetadata({ repository, findings, opened, signal, onObject: () => counts.object() })
  const { domains, listed } = await loadDomains(repository, findings)
  const trees = new Set(readableTrees(domains, listed))
  // Trees are read each time: a part of the rest is a part of what is read seldom.
  const rest = listed.filter((pack) => !trees.has(pack))
  const whole = new Set([...chosenOf(rest, mode), ...trees])
  counts.expect(listed, whole)
  const stage = new PackStage({
    ...options,
    domains,
    opened,
    findings,
    onPack: (facts, bytes) => counts.pack(facts, bytes),
  })
  await stage.readHeaders(listed.filter((pack) => !whole.has(pack)))
  await stage.readWhole(slowestFirst([...whole], domains))
  let blobsNeeded = 0
  for (const domain of domains) {
    const known = options.known?.filter((one) => one.domain === domain.domain.hex) ?? []
    blobsNeeded += await domain.reportLost(repository, { opened, findings, known })
    await domain.reportTooDeep(repository, { opened, findings, signal })
  }
  const counted = countedSnapshots(opened)
  const snapshots = counted.length
  noteNoSnapshot(domains, { snapshots, findings })
  if (snapshots > 0 && listed.length === 0) {
    findings.add({
      kind: 'missing',
      object: 'packs/',
      what: 'there are snapshots, and no pack at all',
    })
  }
  const unconfirmed = counted.filter(({ confirmed }) => !confirmed).length
  const found = { snapshots, unconfirmed, closed: opened.closed, blobsNeeded }
  return { ...counts.result, ...found, ...resultOf(findings) }
}

/** As they are listed: of those that others stand for the others count. What each needs was checked. */
function countedSnapshots({ snapshots, confirmed }: OpenedObjects): readonly Counted[] {
  return withoutReplaced(
    snapshots.map((one) => ({ ...one, confirmed: confirmed.has(confirmationOf(one)) })),
  )
}

type Counted = OpenedSnapshot & { readonly confirmed: boolean }

/** No problem: a first run that was interrupted leaves packs and nothing else. */
function noteNoSnapshot(
  domains: readonly DomainCheck[],
  { snapshots, findings }: { readonly snapshots: number; readonly findings: Findings },
): void {
  const packs = domains.reduce((sum, { index }) => sum + index.packs.length, 0)
  if (snapshots > 0 || packs === 0) return
  findings.note('snapshots/', `there are packs (${packs}) and no snapshot: nothing can be restored`)
}

function resultOf({
  problems,
  count,
  notes,
}: Findings): Pick<CheckResult, 'problems' | 'problemCount' | 'notes'> {
  return { problems, problemCount: count, notes }
}

function expectKeys({ domains, label }: Repository, mode: CheckMode): void {
  if (mode === 'structure' || domains.every((domain) => domain.canOpen)) return
  throw new CairnError(
    'not-permitted',
    `Not permitted: the key ${label} cannot open what is stored`,
    {
      hint: "Check the structure without reading data, or use an owner's or reader's key.",
    },
  )
}

function chosenOf(listed: readonly ListedPack[], mode: CheckMode): readonly ListedPack[] {
  if (mode === 'structure') return []
  return mode === 'read-data' ? listed : choosePacks(listed, mode.subset)
}

/** The domains with their indexes, extended by what packs say that no segment names. */
async function loadDomains(
  repository: Repository,
  findings: Findings,
): Promise<{ domains: readonly DomainCheck[]; listed: readonly ListedPack[] }> {
  const indexes = await loadIndexes(repository, repository.domains, {
    onMarkProblem: ({ name, error }) => findings.addError(name, error),
    // What a mark names is there until it is swept, and what is needed of it is moved before.
    onlyReading: true,
  })
  for (const { name, error } of indexes.flatMap(({ problems }) => problems))
    findings.addError(name, error)
  const named = new Set(indexes.flatMap(({ packs }) => packs.map(({ name }) => name)))
  const listed = [...(indexes[0]?.listed ?? [])].map(([name, packBytes]) => ({ name, packBytes }))
  const unindexed = listed.filter(({ name }) => !named.has(name))
  const recovered = await recoverIndexes(repository, {
    indexes,
    packs: unindexed,
    onlyReading: true,
  })
  const names = new Set(unindexed.map(({ name }) => name))
  return { domains: recovered.map((index) => new DomainCheck(index, names)), listed }
}

function readableTrees(
  domains: readonly DomainCheck[],
  listed: readonly ListedPack[],
): readonly ListedPack[] {
  const readable = domains.filter(({ domain }) => domain.canOpen)
  const trees = treePacks(readable)
  return listed.filter(({ name }) => trees.has(name))
}

function treePacks(domains: readonly DomainCheck[]): ReadonlySet<string> {
  const packs = domains.flatMap(({ index }) => index.packs)
  return new Set(packs.filter(({ kind }) => kind === 'tree-pack').map(({ name }) => name))
}

/** So that the last pack does not keep one worker busy alone: trees take the longest, then what is long. */
function slowestFirst(
  packs: readonly ListedPack[],
  domains: readonly DomainCheck[],
): readonly ListedPack[] {
  const trees = treePacks(domains)
  const cost = ({ name, packBytes }: ListedPack) =>
    packBytes + (trees.has(name) ? PACK_BYTES_MAX : 0)
  return [...packs].sort((a, b) => cost(b) - cost(a))
}

class Counts {
  readonly #onProgress: (progress: CheckProgress) => void
  #objects = 0
  #packs = 0
  #packsDone = 0
  #packsRead = 0
  #bytesTotal = 0
  #bytesRead = 0
  #blobsRead = 0
  #rawBytes = 0

  constructor(onProgress: (progress: CheckProgress) => void) {
    this.#onProgress = onProgress
  }

  get result(): Omit<
    CheckResult,
    'snapshots' | 'unconfirmed' | 'closed' | 'blobsNeeded' | 'problems' | 'problemCount' | 'notes'
  > {
    return {
      objects: this.#objects,
      packs: this.#packs,
      packsRead: this.#packsRead,
      bytesRead: this.#bytesRead,
      blobsRead: this.#blobsRead,
      rawBytes: this.#rawBytes,
    }
  }

  expect(listed: readonly ListedPack[], whole: ReadonlySet<ListedPack>): void {
    this.#packs = listed.length
    for (const { packBytes } of whole) this.#bytesTotal += packBytes
  }

  object(): void {
    this.#objects++
    this.#tell()
  }

  pack({ blobs, rawBytes }: { blobs: number; rawBytes: number }, bytes: number): void {
    this.#objects++
    this.#packsDone++
    if (bytes > 0) this.#packsRead++
    this.#bytesRead += bytes
    this.#blobsRead += blobs
    this.#rawBytes += rawBytes
    this.#tell()
  }

  #tell(): void {
    this.#onProgress({
      objects: this.#objects,
      packsTotal: this.#packs,
      packsDone: this.#packsDone,
      bytesTotal: this.#bytesTotal,
      bytesDone: this.#bytesRead,
    })
  }
}
