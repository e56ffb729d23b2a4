// What was copied before says what blobs of its source are called in the target: once for each source, before the
// first of its snapshots is copied. Only who may read in the target can learn from it.

import { toHex } from '../../base/bytes.ts'
import type { BlobId } from '../../format/ids.ts'
import { orderOfSource, type Snapshot, sourceKeyOf } from '../../repository/snapshots.ts'
import { BlobReader } from '../blob-reader.ts'
import type { CopiedBefore } from './copied-before.ts'
import { learnIds } from './learn-ids.ts'
import type { CopyOptions } from './options.ts'
import type { SourceBlobs } from './source-blobs.ts'
import type { TargetPass } from './target-pass.ts'

export class EarlierCopies {
  readonly #options: CopyOptions
  readonly #copied: CopiedBefore
  readonly #learnt = new WeakMap<SourceBlobs, Set<string>>()

  constructor(options: CopyOptions, copied: CopiedBefore) {
    this.#options = options
    this.#copied = copied
  }

  /** Learns what the newest copy of the snapshot's source tells. */
  async learn(
    snapshot: Snapshot,
    {
      source,
      pass,
      onNode,
    }: {
      readonly source: SourceBlobs
      readonly pass: TargetPass
      readonly onNode: () => Promise<void>
    },
  ): Promise<void> {
    const { domain, target } = this.#options
    const sourceId = toHex(snapshot.summary.sourceId)
    const learnt = this.#learnt.get(source) ?? new Set()
    this.#learnt.set(source, learnt)
    if (learnt.has(sourceId) || source.isAlike || !domain.canOpen) return
    learnt.add(sourceId)
    const original = this.#newestCopied(snapshot)
    const copy = original && this.#copied.find(original)
    if (original === undefined || copy === undefined) return
    const reader = new BlobReader({ store: target.store, domain, index: pass.index })
    for (const [i, root] of original.summary.roots.entries()) {
      const copied = copy.roots[i]
      if (copied === undefined) return
      const pair = { original: root as BlobId, copy: copied as BlobId }
      await learnIds({ source, reader, ...pair, onNode })
    }
  }

  #newestCopied(snapshot: Snapshot): Snapshot | undefined {
    const { snapshots, known = snapshots } = this.#options
    const source = sourceKeyOf(snapshot)
    const own = known.filter((one) => sourceKeyOf(one) === source)
    return own.toSorted(orderOfSource(own)).findLast((one) => this.#copied.find(one) !== undefined)
  }
}
