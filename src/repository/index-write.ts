// Writing index segments: what packs say of themselves, as many together as one segment may name.

import type { Bytes } from '../base/bytes.ts'
import { BLOB_ID_BYTES } from '../format/ids.ts'
import { decodeIndexSegment, encodeIndexSegment } from '../format/index-segment.ts'
import { INDEX_BLOBS_MAX } from '../format/limits.ts'
import { encodePrefix } from '../format/prefix.ts'
import { type Signatory, sealSigned } from '../sealer/signed.ts'
import { putContent } from '../store/content.ts'
import type { DomainAccess } from './access.ts'
import { type DescribedPack, segmentOf } from './pack-headers.ts'
import type { Repository } from './repository.ts'

/** Half of what a segment may have (and a pack has at most as many): small files come by the million. */
const SEGMENT_BLOBS_MAX = INDEX_BLOBS_MAX / 2

export function blobsOf(packs: readonly DescribedPack[]): number {
  return packs.reduce((sum, { columns }) => sum + columns.ids.length / BLOB_ID_BYTES, 0)
}

/** Packs in their order, as many together as one segment may name. */
export function groupsOf(packs: readonly DescribedPack[]): readonly (readonly DescribedPack[])[] {
  const groups: DescribedPack[][] = []
  let blobs = 0
  for (const pack of packs) {
    blobs += blobsOf([pack])
    const group = groups.at(-1)
    if (group !== undefined && blobs <= SEGMENT_BLOBS_MAX) group.push(pack)
    else {
      groups.push([pack])
      blobs = blobsOf([pack])
    }
  }
  return groups
}

/** Signs, seals and puts an index segment. Returns its name. */
export async function putSegment(
  repository: Repository,
  options: {
    readonly domain: DomainAccess
    readonly signatory: Signatory
    readonly packs: readonly DescribedPack[]
    /** SHA-256 names of the segments whose place it takes. */
    readonly supersedes: readonly Bytes[]
  },
): Promise<string> {
  const { domain, signatory, packs, supersedes } = options
  const payload = encodeIndexSegment(segmentOf(packs, supersedes))
  decodeIndexSegment(payload)
  const { epoch } = domain.latest
  const prefix = encodePrefix({ kind: 'index', domain: domain.id, epoch })
  const sealed = sealSigned(payload, {
    place: { repositoryId: repository.id, prefix, part: 'body' },
    signatory,
    headerSeal: domain.headerSeal(epoch),
  })
  return putContent(repository.store, { folder: 'index', parts: [prefix, sealed] })
}
