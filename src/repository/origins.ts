// What the repository had of which this is a copy, as `sync` has left it: the newest record counts. It is not
// signed: all that it does is to keep packs from being deleted, and to make what is forgotten here be forgotten here
// alone. `cairn prune --alone` goes on without it.

import { assert, isCairnError } from '../base/errors.ts'
import { ORIGIN_NAME_BYTES, ORIGIN_PACKS_MAX } from '../format/limits.ts'
import { decodeOrigin, encodeOrigin, type Origin } from '../format/origin.ts'
import { putContent } from '../store/content.ts'
import { hexInName } from '../store/names.ts'
import type { ObjectInfo, Store } from '../store/store.ts'
import { type ObjectProblem, ObjectProblems } from './object-problem.ts'
import { readObject } from './read-object.ts'

/** So long after a sync packs are left alone: who syncs to a disk in a drawer does it each quarter. */
const ORIGIN_HONOURED_MS = 100 * 24 * 60 * 60 * 1000
/** A record that says the same is put again when it is so old. */
const ORIGIN_AGAIN_MS = 7 * 24 * 60 * 60 * 1000

export interface FoundOrigin {
  /** Object name of the record. */
  readonly name: string
  /** When it was put, by the store's clock. */
  readonly storedAtMs: number
  /** See Origin. */
  readonly packs: Uint32Array
  readonly isOfCopy: boolean
  /** Whether the origin had a pack of this name. */
  has(pack: string): boolean
}

export interface Origins {
  /** The newest that can be read and is not too old. */
  readonly newest: FoundOrigin | undefined
  /** Object names of records that say nothing any more. */
  readonly past: readonly string[]
  readonly problems: readonly ObjectProblem[]
}

/** Of which this is a copy no more where it is alone: then all are past. Throws what the store throws. */
export async function loadOrigins(
  store: Store,
  { nowMs, isAlone }: { readonly nowMs: number; readonly isAlone: boolean },
): Promise<Origins> {
  const listed = await listOrigins(store)
  const past: string[] = []
  const problems = new ObjectProblems()
  let newest: FoundOrigin | undefined
  for (const info of listed) {
    const isOld = nowMs - info.storedAtMs > ORIGIN_HONOURED_MS
    if (isAlone || isOld || newest !== undefined) past.push(info.name)
    else newest = await readOrSkip(store, { info, problems })
  }
  return { newest, past, problems: problems.found }
}

async function readOrSkip(
  store: Store,
  { info: { name, storedAtMs }, problems }: { info: ObjectInfo; problems: ObjectProblems },
): Promise<FoundOrigin | undefined> {
  try {
    const { packs, isOfCopy = false } = decodeOrigin(await readObject(store, name))
    const begins = new Set(packs)
    return { name, storedAtMs, packs, isOfCopy, has: (pack) => begins.has(beginOf(pack)) }
  } catch (error) {
    // Another prune has removed it.
    if (!isCairnError(error, 'object-missing')) problems.take(name, error)
    return undefined
  }
}

/** Newest first. */
async function listOrigins(store: Store): Promise<readonly ObjectInfo[]> {
  const listed: ObjectInfo[] = []
  for await (const info of store.list('origins/')) listed.push(info)
  return listed.sort((a, b) => b.storedAtMs - a.storedAtMs || (a.name < b.name ? 1 : -1))
}

export interface PutOrigin {
  /** What the origin lists. */
  readonly packs: readonly ObjectInfo[]
  /** It is a copy itself. */
  readonly isOfCopy: boolean
  readonly nowMs: number
}

/** Puts what the origin lists, unless the newest record says the same and is from this week, and removes older ones. */
export async function putOrigin(
  store: Store,
  { packs, isOfCopy, nowMs }: PutOrigin,
): Promise<void> {
  const said = { packs: beginsOf(packs), isOfCopy: isOfCopy ? (true as const) : undefined }
  const [newest, ...older] = await listOrigins(store)
  if (newest === undefined || !(await saysSame(store, { newest, said, nowMs })))
    await putContent(store, {
      folder: 'origins',
      parts: [encodeOrigin({ ...said, syncedMs: nowMs })],
    })
  // The last one stays, for whoever has listed it.
  for (const { name } of older) await store.remove(name)
}

/** Whether a store is a copy, as far as is known without a key. */
export async function isCopy(store: Store): Promise<boolean> {
  return (await listOrigins(store)).length > 0
}

async function saysSame(
  store: Store,
  {
    newest,
    said,
    nowMs,
  }: {
    readonly newest: ObjectInfo
    readonly said: Pick<Origin, 'packs' | 'isOfCopy'>
    readonly nowMs: number
  },
): Promise<boolean> {
  const ageMs = nowMs - newest.storedAtMs
  if (ageMs < 0 || ageMs > ORIGIN_AGAIN_MS) return false
  const problems = new ObjectProblems()
  const found = await readOrSkip(store, { info: newest, problems })
  if (found === undefined || found.isOfCopy !== (said.isOfCopy === true)) return false
  return equalNumbers(found.packs, said.packs)
}

function equalNumbers(a: Uint32Array, b: Uint32Array): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i])
}

/** Of more than a record holds, the first. */
function beginsOf(packs: readonly ObjectInfo[]): Uint32Array {
  const begins = new Set(packs.map(({ name }) => beginOf(name)))
  return Uint32Array.from(begins).sort().slice(0, ORIGIN_PACKS_MAX)
}

function beginOf(pack: string): number {
  const hex = hexInName(pack)
  assert(hex !== undefined, 'a pack is named by its hash')
  return Number.parseInt(hex.slice(0, 2 * ORIGIN_NAME_BYTES), 16)
}
