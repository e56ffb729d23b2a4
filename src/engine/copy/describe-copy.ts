// What a copy says of itself: in the target's terms what belongs to the target, and as the original says it all
// else, which it embeds.

import type { Bytes } from '../../base/bytes.ts'
import { encode } from '../../format/codec.ts'
import { DETAILS_BYTES_MAX } from '../../format/limits.ts'
import { type Details, detailsCodec, type Summary } from '../../format/snapshot.ts'
import type { DomainAccess } from '../../repository/access.ts'
import { originalOf, verifyOriginal } from '../../repository/original.ts'
import { type Followed, nextSequence } from '../../repository/predecessor.ts'
import type { Repository } from '../../repository/repository.ts'
import { openDetails, type Snapshot, sourceIdOf } from '../../repository/snapshots.ts'
import { SEAL_OVERHEAD_BYTES } from '../../sealer/seal.ts'
import { digestInName } from '../../store/names.ts'
import type { CopyThere } from './copied-before.ts'

export interface CopySummary {
  /** Of the target. */
  readonly domain: DomainAccess
  readonly original: Snapshot
  readonly sourceName: string
  readonly roots: readonly Bytes[]
  readonly sessionId: Bytes
  readonly program: string
  readonly addedBytes: number
  readonly addedStoredBytes: number
  /** What has the highest number of the source in the target. */
  readonly previous: Followed | undefined
  /** The copy of what the original replaces: then this one replaces that. */
  readonly replaced: CopyThere | undefined
}

export function copySummary(options: CopySummary): Omit<Summary, 'detailsHash'> {
  const { domain, original, sourceName, previous, replaced, ...own } = options
  const { roots, sessionId, program, addedBytes, addedStoredBytes } = own
  const place =
    replaced === undefined
      ? {
          sequence: nextSequence(previous),
          predecessor: previous && digestInName(previous.follows),
          replaces: undefined,
        }
      : {
          sequence: replaced.sequence,
          predecessor: replaced.predecessor,
          replaces: digestInName(replaced.name),
        }
  return {
    ...original.summary,
    ...place,
    sourceId: sourceIdOf(domain, sourceName),
    copyOf: digestInName(original.name),
    roots,
    sessionId,
    program,
    addedBytes,
    addedStoredBytes,
  }
}

/** `root` is the id of the tree in the target. Throws as opening the original does. */
export function copyDetails(
  source: Repository,
  { snapshot, root }: { readonly snapshot: Snapshot; readonly root: Bytes },
): Details {
  const details = openDetails(source, snapshot)
  const original = originalOf(source, snapshot)
  verifyOriginal(original, digestInName(snapshot.name))
  const entry = details.root && { ...details.root, tree: root as typeof details.root.tree }
  const whole = { ...details, root: entry, original }
  const shorter = { ...whole, original: { ...original, object: undefined } }
  // Details that are as long as they may be have room for neither: the problems in them are in the original too.
  return [whole, shorter].find(fits) ?? { ...shorter, problems: [] }
}

function fits(details: Details): boolean {
  return encode(detailsCodec, details).length <= DETAILS_BYTES_MAX - SEAL_OVERHEAD_BYTES
}
