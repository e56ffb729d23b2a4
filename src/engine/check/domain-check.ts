// One domain while it is checked: its index, what its packs say, and in the end whether everything that
// its snapshots need can be had.

import { type Bytes, equalBytes, toHex } from '../../base/bytes.ts'
import { dateOf } from '../../base/date.ts'
import { isCairnError } from '../../base/errors.ts'
import { blobId } from '../../format/ids.ts'
import type { SegmentColumns } from '../../format/index-segment.ts'
import { PATH_NAMES_MAX } from '../../format/limits.ts'
import { splitIds } from '../../format/tree.ts'
import type { DomainAccess } from '../../repository/access.ts'
import { UNDELETE_WINDOW_MS } from '../../repository/forgets.ts'
import { idsOfPack, type LoadedPack, packsOf } from '../../repository/index-assemble.ts'
import type { Index } from '../../repository/index-load.ts'
import { loadSegmentColumns } from '../../repository/index-load.ts'
import { UNREADABLE, WITHHELD } from '../../repository/object-problem.ts'
import type { Repository } from '../../repository/repository.ts'
import { compareByTime, confirmationOf, withoutReplaced } from '../../repository/snapshots.ts'
import { BlobReader } from '../blob-reader.ts'
import { NO_TREE } from '../snapshot-root.ts'
import { findAffected } from './affected.ts'
import { Chains, DepthReader } from './depth.ts'
import { checkHistory, type KnownSnapshot } from './history.ts'
import type { OpenedLoss, OpenedObjects, OpenedSnapshot } from './opened-objects.ts'
import type { PackFacts } from './pack-facts.ts'
import type { Findings } from './problems.ts'
import { Reach, taintedBlobs } from './reach.ts'
import { RefGraph } from './ref-graph.ts'
import { TreeFacts } from './tree-facts.ts'
import { reportTrees } from './tree-report.ts'

export class DomainCheck {
  readonly domain: DomainAccess
  readonly index: Index
  readonly #graph: RefGraph
  readonly #trees: TreeFacts
  readonly #packNumbers: ReadonlyMap<string, number>
  /** Lost blobs of the image, with the packs that should have them. */
  readonly #lostIn = new Map<number, string>()
  /** Names of packs that no segment names: what is in them was read from themselves. */
  readonly #unindexed: ReadonlySet<string>

  constructor(index: Index, unindexed: ReadonlySet<string>) {
    this.#unindexed = unindexed
    this.domain = index.domain
    this.index = index
    this.#graph = new RefGraph(index.image)
    this.#trees = new TreeFacts(index.image, this.#graph)
    this.#packNumbers = new Map(index.packs.map(({ name }, number) => [name, number]))
  }

  take({ name, header, lostIds, nodes }: PackFacts): void {
    if (header?.kind === 'tree-pack') this.#graph.add(header)
    if (header !== undefined && nodes !== undefined) this.#trees.add(header, nodes)
    const { image } = this.index
    const pack = this.#packNumbers.get(name)
    for (const id of splitIds(lostIds)) {
      // Of a blob that is stored twice, only the copy that is read counts.
      if (pack !== undefined && image.locate(id)?.pack === pack)
        this.#lostIn.set(this.#graph.lose(id), name)
    }
  }

  /** Says that nothing of a pack can be read. */
  losePack(name: string): void {
    const pack = this.#packNumbers.get(name)
    if (pack === undefined) return
    for (const { number, id } of this.index.image.numberedIds()) {
      if (this.index.image.frame(this.index.image.frameOf(number)).pack !== pack) continue
      if (this.index.image.blobNumber(id) === number) this.#lostIn.set(this.#graph.lose(id), name)
    }
  }

  /** Reports what snapshots need and cannot have, by the objects that are to blame. */
  async reportLost(
    repository: Repository,
    {
      opened,
      findings,
      known,
    }: {
      readonly opened: OpenedObjects
      readonly findings: Findings
      readonly known: readonly KnownSnapshot[]
    },
  ): Promise<number> {
    const own = opened.snapshots.filter(({ domain }) => domain === this.domain).sort(compareByTime)
    const { index } = this
    const stripped = await checkHistory(repository, { index, opened, findings, known })
    const [confirmed, unconfirmed] = partition(
      own,
      (one) => opened.confirmed.has(confirmationOf(one)) || stripped.has(one.name),
    )
    noteSameNumbers(confirmed, findings)
    reportTreeless(confirmed, findings)
    const reach = new Reach(this.#graph)
    const lost = confirmed.flatMap((snapshot) => this.#lostBelow(reach, snapshot))
    this.#noteUnindexed(reach, findings)
    if (lost.length > 0) await this.#blame(repository, { opened, findings, snapshots: confirmed })
    await this.#reportFaults(repository, { findings, snapshots: confirmed })
    for (const snapshot of unconfirmed) {
      const incomplete = this.#lostBelow(reach, snapshot).length > 0
      findings.note(snapshot.name, incomplete ? UNCONFIRMED_INCOMPLETE : UNCONFIRMED)
    }
    this.#noteForgotten({ opened, findings })
    return reach.count
  }

  /** No problem: a kill of upkeep may leave it so, nothing is lost by it, and the next prune names them again. */
  #noteUnindexed(reach: Reach, findings: Findings): void {
    const { image, packs } = this.index
    const needed = new Set<string>()
    reach.visited(image.blobs).forEach((isNeeded, number) => {
      if (isNeeded === 0) return
      const { name } = packs[image.frame(image.frameOf(number)).pack] as LoadedPack
      if (this.#unindexed.has(name)) needed.add(name)
    })
    if (needed.size === 0) return
    const what = `no segment names ${needed.size} of the packs that snapshots need: \`cairn repair\` names them`
    findings.note('index/', what)
  }

  /** What was forgotten a short while ago can be brought back: not where something of it is lost. */
  #noteForgotten({
    opened,
    findings,
  }: {
    readonly opened: OpenedObjects
    readonly findings: Findings
  }): void {
    const nodesOf = (roots: readonly Bytes[]) => roots.map((root) => this.#graph.numberOf(root))
    const young = [...opened.forgotten.values()].filter(
      ({ name, domain, forgottenAtMs }) =>
        domain === this.domain &&
        !opened.listedSnapshots.has(name) &&
        opened.newestMs - forgottenAtMs < UNDELETE_WINDOW_MS,
    )
    const needed = young.map(({ name, summary }) => ({
      name,
      nodes: nodesOf(summary?.roots ?? []),
    }))
    if (needed.length === 0) return
    const tainted = taintedBlobs(this.#graph)
    for (const { name, nodes } of needed)
      if (nodes.some((node) => tainted[node] === 1)) findings.note(name, FORGOTTEN_INCOMPLETE)
  }

  /** Reports snapshots of which nobody can read all, because it lies too deep. */
  async reportTooDeep(
    repository: Repository,
    {
      opened,
      findings,
      signal,
    }: {
      readonly opened: OpenedObjects
      readonly findings: Findings
      readonly signal: AbortSignal
    },
  ): Promise<void> {
    const chains = new Chains(this.#graph)
    const reader = this.domain.canOpen ? this.#reader(repository) : undefined
    const depths = reader && new DepthReader(reader, signal)
    for (const { domain, id, name, summary } of opened.snapshots) {
      if (domain !== this.domain) continue
      for (const root of summary.roots) {
        if (!chains.mayBeTooDeep(this.#graph.numberOf(root))) continue
        if (depths === undefined) findings.note(name, MAY_BE_TOO_DEEP)
        else if (await depths.isTooDeep(blobId(root)))
          findings.add({ kind: 'unsupported', object: name, what: TOO_DEEP, snapshots: [id] })
      }
    }
  }

  #reader({ store }: Repository): BlobReader {
    return new BlobReader({ store, domain: this.domain, index: this.index })
  }

  #lostBelow(reach: Reach, { summary }: OpenedSnapshot): readonly number[] {
    return reach.lostBelow(summary.roots.map((root) => this.#graph.numberOf(root)))
  }

  /** Without a reader's key nobody can say anything about trees. */
  async #reportFaults(
    { store }: Repository,
    {
      findings,
      snapshots,
    }: { readonly findings: Findings; readonly snapshots: readonly OpenedSnapshot[] },
  ): Promise<void> {
    if (!this.domain.canOpen) return
    const { domain, index } = this
    const reader = new BlobReader({ store, domain, index })
    const [facts, graph] = [this.#trees, this.#graph]
    await reportTrees({ index, facts, graph, reader, snapshots, findings })
  }

  async #blame(
    repository: Repository,
    {
      opened,
      findings,
      snapshots,
    }: {
      readonly opened: OpenedObjects
      readonly findings: Findings
      readonly snapshots: readonly OpenedSnapshot[]
    },
  ): Promise<void> {
    const causes = await this.#causes(repository, opened)
    const reader = this.domain.canOpen ? this.#reader(repository) : undefined
    const causeOf = (blob: number) => causes.get(blob) as string
    const options = { graph: this.#graph, snapshots, causeOf }
    const found = await findAffected({ ...options, reader }).catch((error: unknown) => {
      // A tree on a bad sector: then the paths cannot be told, and the snapshots can.
      if (!isCairnError(error, ...WITHHELD)) throw error
      return findAffected({ ...options, reader: undefined })
    })
    for (const [object, affected] of found) {
      const loss = opened.losses.find(({ name }) => name === object)
      if (loss !== undefined) findings.add({ kind: 'lost', object, what: lossText(loss) })
      else this.#report(findings, object)
      findings.affects(object, {
        snapshots: [...affected.snapshots],
        paths: [...affected.paths.values()],
      })
    }
  }

  /** For every lost blob the pack that should have it, or its own id where none is known to. */
  async #causes(
    repository: Repository,
    opened: OpenedObjects,
  ): Promise<ReadonlyMap<number, string>> {
    const causes = new Map(this.#lostIn)
    for (const [hex, number] of this.#graph.unresolved) causes.set(number, hex)
    for (const { name, domain } of opened.segments) {
      if (domain !== this.domain) continue
      const segment = await segmentAgain(repository, { domain, name })
      for (const { pack, image } of segment === undefined ? [] : packsOf(segment, 0)) {
        if (this.#packNumbers.has(pack.name)) continue
        for (const id of splitIds(idsOfPack(image))) {
          const number = this.#graph.unresolved.get(toHex(id))
          if (number !== undefined) causes.set(number, pack.name)
        }
      }
    }
    for (const { name, domain, ids } of opened.losses) {
      if (domain !== this.domain) continue
      for (const id of ids) {
        const number = this.#graph.unresolved.get(toHex(id))
        if (number !== undefined) causes.set(number, name)
      }
    }
    return causes
  }

  #report(findings: Findings, object: string): void {
    if (!object.startsWith('packs/')) {
      findings.add({ kind: 'unresolved', object, what: 'no pack holds the blob with this id' })
    } else if (this.index.marked.packs.has(object)) {
      findings.add({
        kind: 'missing',
        object,
        what: 'it is marked for deletion, and snapshots need it',
      })
    } else if (!this.index.listed.has(object)) {
      findings.add({
        kind: 'missing',
        object,
        what: 'the index names this pack, and the store does not list it',
      })
    }
  }
}

function lossText({ foundMs }: OpenedLoss): string {
  const day = dateOf(foundMs).toISOString().slice(0, 10)
  return `blobs that snapshots need are lost, marked as such on ${day}: forget these snapshots`
}

function partition<T>(items: readonly T[], belongs: (item: T) => boolean): readonly [T[], T[]] {
  return [items.filter(belongs), items.filter((item) => !belongs(item))]
}

/** Segments were read before, and what was wrong with one was told; now only its absence counts. */
async function segmentAgain(
  repository: Repository,
  segment: { readonly domain: DomainAccess; readonly name: string },
): Promise<SegmentColumns | undefined> {
  try {
    return await loadSegmentColumns(repository, segment)
  } catch (error) {
    if (isCairnError(error, 'object-missing', ...UNREADABLE, ...WITHHELD)) return undefined
    throw error
  }
}

function reportTreeless(snapshots: readonly OpenedSnapshot[], findings: Findings): void {
  for (const { name: object, id, summary } of snapshots)
    if (summary.roots.length === 0)
      findings.add({ kind: 'malformed', object, what: NO_TREE, snapshots: [id] })
}

/** Snapshots in the order of their time. One that stands for another has its number by right. */
function noteSameNumbers(snapshots: readonly OpenedSnapshot[], findings: Findings): void {
  const first = new Map<string, OpenedSnapshot>()
  for (const snapshot of withoutReplaced(snapshots.map((one) => ({ ...one, confirmed: true })))) {
    const { sourceId, sequence, sessionId } = snapshot.summary
    const number = `${toHex(sourceId)} ${sequence}`
    const known = first.get(number)
    if (known === undefined) first.set(number, snapshot)
    else if (!equalBytes(known.summary.sessionId, sessionId)) {
      const what = `it has the number ${sequence} of its source, and so has ${known.name}: two runs at the same time, or one that did not know of the other`
      findings.note(snapshot.name, what)
    }
  }
}

const TOO_DEEP = `it has folders more than ${PATH_NAMES_MAX} names deep: what is below is never restored`
const MAY_BE_TOO_DEEP =
  'it may have folders that lie too deep to be restored: only a key that opens trees can tell'

const FORGOTTEN_INCOMPLETE =
  'it was forgotten, and could not be brought back: not all that it needs is there'
const UNCONFIRMED =
  'a snapshot without receipt (unconfirmed): its run did not get to its end, so it does not count and `latest` passes over it'
/** Such a one is a root that nobody can keep: prune deletes nothing as long as it is there. */
export const UNCONFIRMED_INCOMPLETE = `${UNCONFIRMED}, and not all that it needs is there`
