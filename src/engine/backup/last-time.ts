// What is known of the source from before: what a run that ended early has found, then what the last
// complete one did. Each follows the walk by itself; the first that knows something answers.

import type { Bytes } from '../../base/bytes.ts'
import { type CachedEntry, FileCacheReader, partialPath } from './file-cache.ts'

export class LastTime {
  readonly #caches: readonly FileCacheReader[]

  private constructor(caches: readonly FileCacheReader[]) {
    this.#caches = caches
  }

  static open(path: string): LastTime {
    const caches = [partialPath(path), path].map((one) => FileCacheReader.open(one))
    return new LastTime(caches.filter((cache) => cache !== undefined))
  }

  enter(name: Bytes): void {
    for (const cache of this.#caches) cache.enter(name)
  }

  entry(name: Bytes): CachedEntry | undefined {
    // All are asked, because each has to keep step with the walk.
    const known = this.#caches.map((cache) => cache.entry(name))
    return known.find((one) => one !== undefined)
  }

  leave(): { readonly entry: CachedEntry | undefined; readonly lostSome: boolean } {
    const known = this.#caches.map((cache) => cache.leave())
    return known.find(({ entry }) => entry !== undefined) ?? { entry: undefined, lostSome: true }
  }

  close(): void {
    for (const cache of this.#caches) cache.close()
  }
}
