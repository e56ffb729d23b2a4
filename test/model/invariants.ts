// What must hold in every state, whatever happened before, for each repository by itself:
//
// 1. A snapshot that is there with its receipt has every blob that it needs in a pack that is there.
// 2. What a writer reported as saved, or sync as copied, is there, with its receipt, unless somebody forgot it.
// 3. What was forgotten can be had back as long as its window is open.
// 4. A name that a mark names is never put again.
// 5. Nobody fails because others are at work.
// 6. Of a source the minimum is left, however many forget at the same time.
// 7. Where what is needed cannot be found, nothing is marked and nothing is removed.

import { equalBytes, toHex } from '../../src/base/bytes.ts'
import { RECORD_YOUNG_MS } from '../../src/engine/forget/execute.ts'
import { BLOB_ID_BYTES } from '../../src/format/ids.ts'
import { decodeMark } from '../../src/format/mark.ts'
import { decodePrefix } from '../../src/format/prefix.ts'
import type { DomainAccess } from '../../src/repository/access.ts'
import { expectPackPrefix, openTail } from '../../src/repository/pack-headers.ts'
import type { Repository } from '../../src/repository/repository.ts'
import { openReceipt, openSnapshot } from '../../src/repository/snapshots.ts'
import { openUpkeepRecord } from '../../src/repository/upkeep-records.ts'
import { contentName } from '../../src/store/names.ts'
import type { Call, Ending, Reported } from './actor.ts'
import { COPY, nameWithin, type Place, placeOf, SOURCE } from './places.ts'
import type { Objects, StoreState } from './store-state.ts'

/** What an object says, read once. */
interface Facts {
  /** Of packs: domain and ids of blobs, in hexadecimal. */
  readonly blobs: readonly string[]
  /** Of tree packs: what each blob refers to. */
  readonly refs: ReadonlyMap<string, readonly string[]>
  /** Of snapshots. */
  readonly roots: readonly string[]
  /** Of receipts: number of the snapshot's name. */
  readonly confirms: string | undefined
  /** Of marks: object names. */
  readonly marked: readonly string[]
  /** Of forget records: names of snapshots, with their roots where the record has these. */
  readonly forgotten: ReadonlyMap<string, readonly string[]>
  /** Of forget records: when that was, as they say. */
  readonly forgottenMs: number
}

const NOTHING: Facts = {
  blobs: [],
  refs: new Map(),
  roots: [],
  confirms: undefined,
  marked: [],
  forgotten: new Map(),
  forgottenMs: 0,
}

/** What is stored, as far as it is whole. */
type Stored = Pick<StoreState, 'ids' | 'stampMs'>

interface Moment {
  readonly stored: Stored
  readonly nowMs: number
}

export interface InvariantOptions {
  readonly repository: Repository
  readonly objects: Objects
  /** Which of the two repositories is looked at. */
  readonly place: Place
  /** How long what was forgotten must be kept. */
  readonly windowMs: number
  readonly isFrozen: boolean
  /** So many confirmed snapshots must be left in the source; as many as it likes where it is not said. */
  readonly snapshotsMin?: number
  /** Which of what was forgotten is kept here: all, where it is not said. */
  readonly wasHere?: (snapshot: string) => boolean
  /** 4 is not asked. */
  readonly mayPutAgain?: boolean
}

export class Invariants {
  readonly #options: InvariantOptions
  readonly #facts: Facts[] = []
  readonly #refs = new Map<string, readonly string[]>()
  readonly #needs = new Map<string, readonly string[]>()

  constructor(options: InvariantOptions) {
    this.#options = options
  }

  /** Of the exhaustive model: throws where a call should never have been made. */
  checkCall(any: Call, stored: Stored): void {
    const call = this.#own(any)
    const { mayPutAgain = false, isFrozen } = this.#options
    if (call?.kind === 'put' && !mayPutAgain) this.expectNeverMarked(stored, call.name)
    if (isFrozen) expectNothingGoes(call)
  }

  /** Of the exhaustive model: throws where something of what was reported, of both places, is lost. */
  checkKept(moment: Moment, reported: Reported): void {
    if (this.#options.isFrozen) return
    const own = reported.filter((name) => placeOf(name) === this.#options.place)
    this.expectKept(moment, own.map(nameWithin))
  }

  /** Throws where a mark names what is put; one from before then, where that is given. */
  expectNeverMarked(stored: Stored, name: string, beforeMs = Number.POSITIVE_INFINITY): void {
    for (const id of this.#in('marks/', stored))
      if (stored.stampMs(id) < beforeMs && this.#of(id).marked.includes(nameWithin(name)))
        throw new Error(`${name} is marked, and was put again`)
  }

  /** All that marks name. */
  markedNames(stored: Stored): readonly string[] {
    return this.#in('marks/', stored).flatMap((id) => this.#of(id).marked)
  }

  /**
   * Throws where a confirmed snapshot lacks a blob, or one that can be had back; and where one that was reported
   * is not there or not confirmed, and nobody forgot it.
   */
  expectKept(moment: Moment, reported: readonly string[]): void {
    const { stored } = moment
    const { objects } = this.#options
    const there = new Set<string>()
    for (const id of this.#in('packs/', stored))
      for (const blob of this.#of(id).blobs) there.add(blob)
    const confirmed = this.confirmed(stored)
    this.#expectEnough(confirmed.size)
    const snapshots = new Set<string>()
    for (const id of this.#in('snapshots/', stored)) {
      const name = nameWithin(objects.name(id))
      snapshots.add(name)
      if (confirmed.has(name)) this.#expectWhole(name, { roots: this.#of(id).roots, there })
    }
    const forgotten = this.#forgotten(moment, there)
    for (const name of reported) {
      if (forgotten.has(name)) continue
      if (!snapshots.has(name)) throw new Error(`${name} was reported as saved, and is gone`)
      if (!confirmed.has(name)) throw new Error(`${name} was reported as saved, without a receipt`)
    }
  }

  #expectEnough(count: number): void {
    const { place, snapshotsMin = 0 } = this.#options
    if (place === SOURCE && count < snapshotsMin)
      throw new Error(`${count} snapshots are left, and ${snapshotsMin} must be`)
  }

  /** Names of what is there with its receipt. */
  confirmed(stored: Stored): ReadonlySet<string> {
    const { objects, place } = this.#options
    const names = this.#in('receipts/', stored).map((id) => this.#of(id).confirms ?? '')
    const there = stored.ids(objects.folder(`${place}snapshots/`)).map((id) => objects.name(id))
    return new Set(names.filter((name) => there.includes(`${place}${name}`)))
  }

  /** Names of all that was forgotten. What can be had back must be whole. */
  #forgotten({ stored, nowMs }: Moment, there: ReadonlySet<string>): ReadonlySet<string> {
    const names = new Set<string>()
    for (const id of this.#in('forgets/', stored)) {
      for (const [name, roots] of this.#of(id).forgotten) {
        names.add(name)
        const isOpen = nowMs - this.#forgottenMs(stored, id) < this.#options.windowMs
        const wasHere = this.#options.wasHere?.(name) ?? true
        if (isOpen && wasHere && roots.length > 0) this.#expectWhole(name, { roots, there })
      }
    }
    return names
  }

  /** As it was said, which is never much before the store received it, but in a copy. */
  #forgottenMs(stored: Stored, id: number): number {
    const stampMs = stored.stampMs(id)
    const saidMs = Math.min(stampMs, this.#of(id).forgottenMs)
    return this.#options.place === COPY ? saidMs : Math.max(saidMs, stampMs - RECORD_YOUNG_MS)
  }

  #own(call: Call): Call | undefined {
    if (call.kind === 'sleep') return undefined
    return placeOf(call.name) === this.#options.place ? call : undefined
  }

  #in(folder: string, stored: Stored): readonly number[] {
    const { objects, place } = this.#options
    return stored.ids(objects.folder(`${place}${folder}`))
  }

  #expectWhole(
    name: string,
    { roots, there }: { readonly roots: readonly string[]; readonly there: ReadonlySet<string> },
  ): void {
    const needs = this.#needs.get(name) ?? this.#closure(roots)
    this.#needs.set(name, needs)
    const lost = needs.filter((id) => !there.has(id))
    if (lost.length > 0) throw new Error(`${name} has lost ${lost.length} of ${needs.length} blobs`)
  }

  #closure(roots: readonly string[]): readonly string[] {
    const needs = new Set<string>()
    const next = [...roots]
    for (let id = next.pop(); id !== undefined; id = next.pop()) {
      if (needs.has(id)) continue
      needs.add(id)
      next.push(...(this.#refs.get(id) ?? []))
    }
    return [...needs]
  }

  #of(id: number): Facts {
    for (let next = this.#facts.length; next <= id; next++) this.#facts.push(this.#read(next))
    return this.#facts[id] as Facts
  }

  #read(id: number): Facts {
    const { objects, repository } = this.#options
    const name = nameWithin(objects.name(id))
    const object = objects.bytes(id)
    const domain = repository.domains.find((one) => equalBytes(one.id, decodePrefix(object).domain))
    if (domain === undefined) return NOTHING
    const own = { domain, object, objectHash: undefined }
    if (name.startsWith('packs/')) return this.#readPack(name, object, domain)
    if (name.startsWith('snapshots/')) {
      const { summary } = openSnapshot(repository, own)
      return { ...NOTHING, roots: summary.roots.map((root) => `${domain.hex} ${toHex(root)}`) }
    }
    if (name.startsWith('receipts/'))
      return {
        ...NOTHING,
        confirms: contentName('snapshots', openReceipt(repository, own).snapshot),
      }
    if (name.startsWith('marks/')) {
      const { packs, snapshots } = decodeMark(object).marked
      const marked = [
        ...packs.map((hash) => contentName('packs', hash)),
        ...snapshots.map((hash) => contentName('snapshots', hash)),
      ]
      return { ...NOTHING, marked }
    }
    if (name.startsWith('forgets/')) return { ...NOTHING, ...this.#readForgets(own) }
    return NOTHING
  }

  #readForgets(own: {
    readonly domain: DomainAccess
    readonly object: Uint8Array
    readonly objectHash: undefined
  }): Pick<Facts, 'forgotten' | 'forgottenMs'> {
    const { repository } = this.#options
    const { snapshots, forgottenMs } = openUpkeepRecord(repository, { ...own, kind: 'forget' })
    const found = snapshots.map(({ snapshot, object }) => {
      const roots =
        object === undefined ? [] : openSnapshot(repository, { ...own, object }).summary.roots
      const named = roots.map((root) => `${own.domain.hex} ${toHex(root)}`)
      return [contentName('snapshots', snapshot), named] as const
    })
    return { forgotten: new Map(found), forgottenMs }
  }

  #readPack(name: string, object: Uint8Array, domain: DomainAccess): Facts {
    const pack = { name, packBytes: object.length, prefix: expectPackPrefix(object), domain }
    const { header } = openTail(object, pack)
    const blobs = idsIn(header.ids, domain)
    let at = 0
    blobs.forEach((blob, i) => {
      const count = header.refCounts[i] ?? 0
      const refs = idsIn(
        header.refs.subarray(BLOB_ID_BYTES * at, BLOB_ID_BYTES * (at + count)),
        domain,
      )
      at += count
      if (count > 0) this.#refs.set(blob, refs)
    })
    return { ...NOTHING, blobs }
  }
}

/** Of the exhaustive model: nobody fails because others are at work. */
export function expectNoError({ error }: Ending, actor: number): void {
  if (error === undefined) return
  const why = error instanceof Error ? (error.stack ?? error.message) : JSON.stringify(error)
  throw new Error(`actor ${actor} failed: ${why}`)
}

function expectNothingGoes(call: Call | undefined): void {
  if (call?.kind === 'remove' || (call?.kind === 'put' && call.name.startsWith('marks/')))
    throw new Error(`${call.kind} ${call.name}, though what is needed cannot be found`)
}

/** With their domain: of a blob of another domain nobody can make use. */
function idsIn(ids: Uint8Array, { hex }: DomainAccess): readonly string[] {
  const found: string[] = []
  for (let at = 0; at < ids.length; at += BLOB_ID_BYTES)
    found.push(`${hex} ${toHex(ids.subarray(at, at + BLOB_ID_BYTES))}`)
  return found
}
