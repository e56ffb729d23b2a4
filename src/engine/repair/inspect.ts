// What a repair sees before it plans: what check has found, looked at once more, and where what is missing can
// be had. It reads and changes nothing.

import { type Bytes, toHex } from '../../base/bytes.ts'
import type { DomainAccess } from '../../repository/access.ts'
import { UNDELETE_WINDOW_MS } from '../../repository/forgets.ts'
import { loadMarksOf, type Marked } from '../../repository/marks.ts'
import type { ObjectProblem } from '../../repository/object-problem.ts'
import type { ReadHeader } from '../../repository/pack-headers.ts'
import type { Repository } from '../../repository/repository.ts'
import { loadRoots, type Roots } from '../../repository/roots.ts'
import { loadUpkeepRecords } from '../../repository/upkeep-records.ts'
import { contentName } from '../../store/names.ts'
import type { ObjectInfo } from '../../store/store.ts'
import type { CheckProblem } from '../check/problems.ts'
import { Headers } from '../prune/headers.ts'
import { findAbsent } from './absent-objects.ts'
import { type ComingBack, type OpenedBack, openComingBack, undeletableIn } from './coming-back.ts'
import { type DamagedObject, inspectObjects } from './damaged-objects.ts'
import { type DamagedPack, inspectPacks } from './damaged-packs.ts'
import { type FrameSource, verifySource } from './frame-source.ts'
import { findIndexFaults, type IndexFaults } from './index-faults.ts'
import { Needs, type NeedsOptions } from './needs.ts'
import type { AbsentObject } from './only-in-copy.ts'

export interface Inspection {
  /** By the store's clock. */
  readonly nowMs: number
  readonly problems: readonly CheckProblem[]
  readonly objects: readonly DamagedObject[]
  /** What is not there and a copy has. */
  readonly absent: readonly AbsentObject[]
  /** That, and what was damaged and the copy has as it was. */
  readonly comingBack: ComingBack
  readonly packs: readonly DamagedPack[]
  /** Names of packs that check could read, and that could not be read since. */
  readonly unread: readonly string[]
  readonly roots: Roots
  readonly domains: readonly DomainInspection[]
}

export interface DomainInspection extends IndexFaults {
  readonly domain: DomainAccess
  readonly marked: Marked
  readonly needs: Needs
  /** Ids that were said to be lost before, in hexadecimal. */
  readonly knownLost: ReadonlySet<string>
}

export interface InspectOptions {
  readonly repository: Repository
  readonly copy: Repository | undefined
  readonly problems: readonly CheckProblem[]
  readonly headers: Headers
  readonly nowMs: number
}

export async function inspect(options: InspectOptions): Promise<Inspection> {
  const { repository, copy, problems, headers, nowMs } = options
  const { store, domains } = repository
  const roots = await loadRoots(repository, { nowMs, windowMs: UNDELETE_WINDOW_MS })
  const listed = new Map<string, ObjectInfo>()
  for await (const info of store.list('packs/')) listed.set(info.name, info)
  const moved = await movedFrames(repository)
  const packs = await inspectPacks({ repository, problems, listed, moved })
  const isDamaged = new Set(packs.map(({ name }) => name))
  const { problems: unread } = await headers.read(
    [...listed.values()].filter(({ name }) => !isDamaged.has(name)),
  )
  const objects = await inspectObjects(repository, { problems, copy })
  const marked = await loadMarksOf(repository, domains, passOver)
  const absent =
    copy === undefined ? [] : await findAbsent(options, { copy, roots, objects, marked })
  const back = [
    ...objects.flatMap(({ name, good, storedAtMs }) => {
      return good ? { name, good, storedAtMs, isDamaged: true } : []
    }),
    ...absent.map(({ name, good, storedAtMs, explains, isOfOthers = false }) => {
      return { name, good, storedAtMs, isDamaged: false, only: isOfOthers ? explains : undefined }
    }),
  ]
  const comingBack = openComingBack(repository, back)
  const undeletable = undeletableIn(repository, comingBack.forgets, options)
  const seen = { packs, listed, roots: [...rootsIn(roots, { comingBack, undeletable })] }
  const inspected: DomainInspection[] = []
  for (const [i, domain] of domains.entries())
    inspected.push(await inspectDomain(options, { ...seen, domain, marked: marked[i] as Marked }))
  const found = { nowMs, problems, objects, absent, comingBack, packs, roots }
  return { ...found, domains: inspected, unread: unread.map(({ name }) => name) }
}

/** A mark that is damaged is among the objects. */
function passOver(_problem: ObjectProblem): void {
  // Nothing to do.
}

async function movedFrames(
  repository: Repository,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const { records } = await loadUpkeepRecords(repository, { kind: 'sighting', onlyReading: true })
  const moved = records.flatMap(({ record }) => record.moved)
  return new Map(moved.map(({ pack, receivedMs }) => [contentName('packs', pack), receivedMs]))
}

interface Root {
  readonly domain: DomainAccess
  readonly ids: readonly Bytes[]
  readonly isForgotten?: boolean
}

/** Of all that is kept, and of what will be put back. */
function* rootsIn(
  { snapshots, forgotten }: Roots,
  {
    comingBack,
    undeletable,
  }: { readonly comingBack: ComingBack; readonly undeletable: readonly OpenedBack[] },
): Generator<Root> {
  for (const { domain, summary } of snapshots) yield { domain, ids: summary.roots }
  for (const { domain, summary } of forgotten)
    yield { domain, ids: summary.roots, isForgotten: true }
  for (const { opened } of comingBack.snapshots)
    if (opened !== undefined) yield { domain: opened.domain, ids: opened.summary.roots }
  for (const { domain, summary } of undeletable)
    yield { domain, ids: summary.roots, isForgotten: true }
}

interface Seen {
  readonly domain: DomainAccess
  readonly marked: Marked
  readonly packs: readonly DamagedPack[]
  readonly listed: ReadonlyMap<string, ObjectInfo>
  readonly roots: readonly Root[]
}

async function inspectDomain(
  options: InspectOptions,
  { domain, marked, packs, listed, roots }: Seen,
): Promise<DomainInspection> {
  const { repository, headers, copy } = options
  const own = [...listed.values()].flatMap((info) => {
    const read = headers.get(info.name)
    return read?.domain === domain ? [{ info, read }] : []
  })
  const good = own.filter(({ info }) => !marked.packs.has(info.name))
  const going = own.filter(({ info }) => marked.packs.has(info.name))
  const damaged = packs.flatMap(({ salvaged }) => salvaged ?? [])
  const saved = damaged.filter((source) => source.domain === domain)
  const known = {
    good: good.map(({ read }) => ({ kind: read.indexed.kind, header: read.header })),
    others: going.map(({ info, read }) => sourceOf(repository, { info, read, origin: 'marked' })),
    roots: idsOf(roots, { domain, isForgotten: false }),
    forgotten: idsOf(roots, { domain, isForgotten: true }),
  }
  let needs = await verifiedNeeds({ ...known, saved })
  const isMissing = needs.isIncomplete || packs.length > 0
  if (copy !== undefined && isMissing) {
    const copies = await sourcesIn(copy, domain)
    const isDamaged = new Set(packs.map(({ name }) => name))
    const same = copies.filter(({ name }) => isDamaged.has(name))
    const others = [...known.others, ...copies.filter(({ name }) => !isDamaged.has(name))]
    needs = await verifiedNeeds({ ...known, saved: [...saved, ...same], others })
  }
  const byName = new Map(good.map(({ info, read }) => [info.name, read]))
  const faults = await findIndexFaults(repository, { domain, good: byName })
  const losses = await loadUpkeepRecords(repository, { kind: 'loss', onlyReading: true })
  const ours = losses.records.filter((loss) => loss.domain === domain)
  const knownLost = new Set(ours.flatMap(({ record }) => record.ids.map(toHex)))
  return { domain, marked, needs, knownLost, ...faults }
}

function idsOf(
  roots: readonly Root[],
  of: { readonly domain: DomainAccess; readonly isForgotten: boolean },
): readonly Bytes[] {
  return roots
    .filter(
      ({ domain, isForgotten = false }) => domain === of.domain && isForgotten === of.isForgotten,
    )
    .flatMap(({ ids }) => ids)
}

/** Needs that rely on nothing that was not read: what is damaged in a copy is no better than here. */
async function verifiedNeeds(options: NeedsOptions): Promise<Needs> {
  const verified = new Map<FrameSource, FrameSource | undefined>()
  const asVerified = (sources: readonly FrameSource[]) =>
    sources.flatMap((source) => (verified.has(source) ? (verified.get(source) ?? []) : source))
  for (;;) {
    const [saved, others] = [asVerified(options.saved), asVerified(options.others)]
    const needs = new Needs({ ...options, saved, others })
    const asked = [...options.saved, ...options.others].filter((source) => {
      const isTaken = needs.taken.some((taken) => taken.source === source)
      return isTaken && source.isIntact && !verified.has(source)
    })
    if (asked.length === 0) return needs
    for (const source of asked) verified.set(source, await verifySource(source))
  }
}

/** The packs of a domain that a copy has, as far as their headers open there. */
async function sourcesIn(copy: Repository, domain: DomainAccess): Promise<readonly FrameSource[]> {
  const headers = new Headers(copy)
  const listed: ObjectInfo[] = []
  for await (const info of copy.store.list('packs/')) listed.push(info)
  await headers.read(listed)
  return listed.flatMap((info) => {
    const read = headers.get(info.name)
    return read?.domain === domain ? [sourceOf(copy, { info, read, origin: 'copy' })] : []
  })
}

function sourceOf(
  { store }: Repository,
  {
    info: { name, storedAtMs },
    read: { domain, indexed, header },
    origin,
  }: {
    readonly info: ObjectInfo
    readonly read: ReadHeader
    readonly origin: FrameSource['origin']
  },
): FrameSource {
  const receivedMs = header.frames.map(() => storedAtMs)
  const about = { name, origin, isIntact: true }
  return { ...about, store, domain, kind: indexed.kind, header, receivedMs }
}
