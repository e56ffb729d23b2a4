// A local copy of small immutable objects, so that a run does not fetch the whole index again.
// Only what is named by its SHA-256 is kept, and it is checked on each reading: a damaged entry is
// fetched again and nobody notices. Losing the cache costs time only.
//
// Three things it must not do. What is put does not go into it: reading back what was stored must
// ask the store. list and stat always ask the store. And a removed object may still be answered by
// get, so whether something is there is for listings to say.

import type { Bytes } from '../base/bytes.ts'
import type { Clock } from '../base/clock.ts'
import { isCairnError } from '../base/errors.ts'
import { matchesName } from './content.ts'
import { decorate } from './decorate.ts'
import { unsyncedCalls } from './local/folder-calls.ts'
import { openLocal } from './local/local-store.ts'
import type { ContentFolder } from './names.ts'
import { sliceOf } from './range.ts'
import type { ByteRange, ObjectInfo, Store } from './store.ts'

export interface CacheOptions {
  /** Where copies are kept: openCacheFolder(), or memory. One cache for one repository. */
  readonly cache: Store
  /** About how much is kept; the oldest goes first. */
  readonly bytesMax: number
  readonly folders?: readonly ContentFolder[]
  /** Told of what is wrong with the cache itself, which fails nothing. */
  readonly onCacheError?: (error: unknown) => void
}

const CACHED_FOLDERS: readonly ContentFolder[] = ['index', 'snapshots', 'receipts']

/** A folder for a cache, made when it is needed; several processes may share it. */
export function openCacheFolder(options: { readonly path: string; readonly clock: Clock }): Store {
  return openLocal({ ...options, create: true, calls: unsyncedCalls })
}

export function withCache(store: Store, options: CacheOptions): Store {
  const prefixes = (options.folders ?? CACHED_FOLDERS).map((folder) => `${folder}/`)
  const copies = new Copies(options)
  return decorate(store, {
    get: async (name, range) => {
      if (!prefixes.some((prefix) => name.startsWith(prefix))) return store.get(name, range)
      const copy = await copies.read(name)
      // Who bounds what is read must not be given more; where it was all of it, it is kept.
      if (copy === undefined && isEnd(range)) return fetchAndKeep(store, { name, copies, range })
      const whole = copy ?? (await fetchAndKeep(store, { name, copies }))
      return range === undefined ? whole : cut(whole, { store, name, range })
    },
  })
}

/** Drops the copies under `prefix` that the store no longer lists. */
export async function pruneCache(
  cache: Store,
  keep: { readonly prefix: string; readonly listed: ReadonlySet<string> },
): Promise<void> {
  for await (const { name } of cache.list(keep.prefix)) {
    if (!keep.listed.has(name)) await cache.remove(name)
  }
}

function isEnd(range: ByteRange | undefined): range is { readonly last: number } {
  return range !== undefined && 'last' in range
}

async function fetchAndKeep(
  store: Store,
  { name, copies, range }: { name: string; copies: Copies; range?: ByteRange },
): Promise<Bytes> {
  const bytes = await store.get(name, range)
  if (matchesName(name, bytes)) await copies.keep(name, bytes)
  return bytes
}

function cut(
  whole: Bytes,
  { store, name, range }: { store: Store; name: string; range: ByteRange },
): Bytes {
  const sized = { address: store.address, name, size: whole.length }
  const { offset, length } = sliceOf(sized, range)
  if (length === whole.length) return whole
  return whole.slice(offset, offset + length)
}

/** The copies, and how large they are together. Nothing in here throws. */
class Copies {
  readonly #options: CacheOptions
  /** Counted at the first keep; other processes' copies are seen whenever it is counted anew. */
  #bytes: Promise<number> | undefined

  constructor(options: CacheOptions) {
    this.#options = options
  }

  /** The object as it was stored; undefined where there is no sound copy. */
  read(name: string): Promise<Bytes | undefined> {
    return this.#quietly(async () => {
      const bytes = await this.#options.cache.get(name)
      if (matchesName(name, bytes)) return bytes
      await this.#options.cache.remove(name)
      return undefined
    })
  }

  async keep(name: string, bytes: Bytes): Promise<void> {
    await this.#quietly(async () => {
      const { cache, bytesMax } = this.#options
      if (bytes.length > bytesMax) return
      this.#bytes ??= this.#count()
      const total = (await this.#bytes) + bytes.length
      this.#bytes = total > bytesMax ? this.#makeRoom(bytes.length) : Promise.resolve(total)
      await this.#bytes
      await cache.put(name, [bytes])
    })
  }

  async #count(): Promise<number> {
    let bytes = 0
    for await (const { size } of this.#options.cache.list('')) bytes += size
    return bytes
  }

  /** Removes the oldest copies until nine tenths of the limit hold the rest and `wanted` bytes. */
  async #makeRoom(wanted: number): Promise<number> {
    const { cache, bytesMax } = this.#options
    const copies: ObjectInfo[] = []
    for await (const info of cache.list('')) copies.push(info)
    copies.sort((a, b) => a.storedAtMs - b.storedAtMs)
    let bytes = copies.reduce((sum, { size }) => sum + size, wanted)
    for (const { name, size } of copies) {
      if (bytes <= 0.9 * bytesMax) break
      await cache.remove(name)
      bytes -= size
    }
    return bytes
  }

  async #quietly<T>(act: () => Promise<T>): Promise<T | undefined> {
    try {
      return await act()
    } catch (error) {
      if (isCairnError(error, 'object-missing')) return undefined
      this.#bytes = undefined
      this.#options.onCacheError?.(error)
      return undefined
    }
  }
}
