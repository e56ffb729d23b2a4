// Readers for the trees and files of snapshots: one for each domain, with an index that is complete
// enough for what is asked of it.

import type { BlobId } from '../format/ids.ts'
import { loadCompleteIndex } from '../repository/index-complete.ts'
import type { Index } from '../repository/index-load.ts'
import type { Repository } from '../repository/repository.ts'
import type { Snapshot } from '../repository/snapshots.ts'
import { BlobReader } from './blob-reader.ts'

export class SnapshotReaders {
  readonly #repository: Repository
  readonly #indexes = new Map<string, Index>()
  readonly #readers = new Map<string, BlobReader>()

  constructor(repository: Repository) {
    this.#repository = repository
  }

  /** A reader for what a snapshot refers to. Throws 'not-permitted' without a reader's key. */
  async readerFor(snapshot: Snapshot): Promise<BlobReader> {
    const { domain } = snapshot
    const known = this.#readers.get(domain.hex)
    if (known !== undefined) return known
    const index = await this.#indexFor(snapshot)
    const reader = new BlobReader({ store: this.#repository.store, domain, index })
    this.#readers.set(domain.hex, reader)
    return reader
  }

  /** A reader of its own for contents, which are read once and in order. */
  async contentReaderFor(snapshot: Snapshot, cachedFrames: number): Promise<BlobReader> {
    const index = await this.#indexFor(snapshot)
    const { store } = this.#repository
    return new BlobReader({ store, domain: snapshot.domain, index, cachedFrames })
  }

  async #indexFor({ domain, summary }: Snapshot): Promise<Index> {
    const known = this.#indexes.get(domain.hex)
    if (known !== undefined) return known
    const wanted = summary.roots as readonly BlobId[]
    const index = await loadCompleteIndex(this.#repository, { domain, wanted })
    this.#indexes.set(domain.hex, index)
    return index
  }
}
