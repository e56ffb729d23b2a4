// Which blobs are in the repository already, outside marked packs, and which packs the run has relied
// upon because of that: the commit looks whether these are still there.

import type { BlobId } from '../../format/ids.ts'
import type { Index } from '../../repository/index-load.ts'
import type { StoredPack } from '../lost-packs.ts'
import { type CachedEntry, eachId } from './file-cache.ts'

export class KnownBlobs {
  readonly #index: Index
  /** One byte for each pack of the image, shared with the workers. */
  readonly usedPacks: SharedArrayBuffer
  readonly #used: Uint8Array

  constructor(index: Index) {
    this.#index = index
    this.usedPacks = new SharedArrayBuffer(Math.max(1, index.packs.length))
    this.#used = new Uint8Array(this.usedPacks)
  }

  /** True where the blob is stored; the run then relies on its pack. */
  has(id: BlobId): boolean {
    const location = this.#index.image.locate(id)
    if (location === undefined) return false
    this.#used[location.pack] = 1
    return true
  }

  /** What a cache says, where all that it needs is in the repository. */
  usable(cached: CachedEntry | undefined): CachedEntry | undefined {
    if (cached === undefined) return undefined
    for (const id of eachId(cached.ids)) if (!this.has(id)) return undefined
    return cached
  }

  /** The packs that were relied upon, with their lengths as the index says. */
  used(): readonly StoredPack[] {
    return this.#index.packs
      .filter((_, i) => this.#used[i] === 1)
      .map(({ name, packBytes }) => ({ name, bytes: packBytes }))
  }
}
