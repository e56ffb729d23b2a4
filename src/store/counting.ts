// Counts what is asked of a store, for statistics: how many requests a run costs and how many bytes
// go each way. Put it innermost to count what really crosses the wire, retries included.

import { decorate } from './decorate.ts'
import type { ObjectInfo, Store } from './store.ts'

export interface StoreCounts {
  puts: number
  /** Puts that stored nothing because the object was there. */
  putsExisting: number
  bytesPut: number
  gets: number
  bytesGot: number
  lists: number
  objectsListed: number
  stats: number
  removes: number
  /** Calls of any kind that threw. */
  failures: number
}

export function newCounts(): StoreCounts {
  return {
    puts: 0,
    putsExisting: 0,
    bytesPut: 0,
    gets: 0,
    bytesGot: 0,
    lists: 0,
    objectsListed: 0,
    stats: 0,
    removes: 0,
    failures: 0,
  }
}

/** Adds to `counts` what goes through. Bytes count when the call has succeeded. */
export function withCounting(store: Store, counts: StoreCounts): Store {
  return decorate(store, {
    put: async (name, parts) => {
      counts.puts++
      const result = await counted(counts, store.put(name, parts))
      if (result === 'exists') counts.putsExisting++
      else for (const part of parts) counts.bytesPut += part.length
      return result
    },
    get: async (name, range) => {
      counts.gets++
      const bytes = await counted(counts, store.get(name, range))
      counts.bytesGot += bytes.length
      return bytes
    },
    list: (prefix) => countedList(counts, store.list(prefix)),
    stat: (name) => {
      counts.stats++
      return counted(counts, store.stat(name))
    },
    remove: (name) => {
      counts.removes++
      return counted(counts, store.remove(name))
    },
  })
}

async function counted<T>(counts: StoreCounts, call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    counts.failures++
    throw error
  }
}

async function* countedList(
  counts: StoreCounts,
  listing: AsyncIterable<ObjectInfo>,
): AsyncGenerator<ObjectInfo> {
  counts.lists++
  try {
    for await (const info of listing) {
      counts.objectsListed++
      yield info
    }
  } catch (error) {
    counts.failures++
    throw error
  }
}
