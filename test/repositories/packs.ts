// Packs by the hundred, each with one small blob of data: named by an index segment or, as where segments were
// lost, by none.

import { type Bytes, concat, utf8 } from '../../src/base/bytes.ts'
import { sha256 } from '../../src/base/hash.ts'
import { CODEC, frameTableBytes, writeFrameTable } from '../../src/format/frame.ts'
import type { BlobId, BlobType } from '../../src/format/ids.ts'
import { encodeIndexSegment } from '../../src/format/index-segment.ts'
import { encodePackHeader, type PackHeader } from '../../src/format/pack.ts'
import { encodePrefix, type PackKind } from '../../src/format/prefix.ts'
import type { DomainAccess } from '../../src/repository/access.ts'
import { type DescribedPack, segmentOf } from '../../src/repository/pack-headers.ts'
import type { Repository } from '../../src/repository/repository.ts'
import { binding } from '../../src/sealer/bind.ts'
import { Seal } from '../../src/sealer/seal.ts'
import { beginSession, frameBinding, type SessionKeys } from '../../src/sealer/session.ts'
import { sealSigned } from '../../src/sealer/signed.ts'
import { putContent } from '../../src/store/content.ts'
import { contentName } from '../../src/store/names.ts'

export interface SmallPacks {
  readonly names: readonly string[]
  /** Of the blobs in them, in the same order. */
  readonly ids: readonly BlobId[]
}

/** Puts so many packs of a domain, with an index segment that names them or without. */
export function putSmallPacks(
  repository: Repository,
  options: {
    readonly domain: DomainAccess
    readonly count: number
    readonly indexed: boolean
  },
): Promise<SmallPacks> {
  const { domain, count, indexed } = options
  const blobs = Array.from({ length: count }, (_, i) => utf8(`the content of pack ${i}`))
  return putBlobs(repository, { domain, type: 'data', blobs, indexed })
}

/** Puts each blob, whatever is in it, in a pack of its own. */
export async function putBlobs(
  repository: Repository,
  options: {
    readonly domain: DomainAccess
    readonly type: BlobType
    readonly blobs: readonly Bytes[]
    readonly indexed: boolean
  },
): Promise<SmallPacks> {
  const { domain, type, blobs } = options
  const keys = beginSession(domain.scope, domain.latest)
  const packs: DescribedPack[] = []
  const ids: BlobId[] = []
  for (const blob of blobs) {
    const id = domain.idOf(type, blob)
    packs.push(
      await putPack(repository, { kind: `${type}-pack`, blobs: [{ blob, id }], domain, keys }),
    )
    ids.push(id)
  }
  if (options.indexed) await putSegment(repository, { domain, packs })
  return { names: packs.map(({ indexed }) => contentName('packs', indexed.hash)), ids }
}

export interface PackedBlob {
  readonly blob: Bytes
  readonly id: BlobId
  /** Of a tree: the ids that it refers to. */
  readonly refs?: readonly BlobId[]
}

interface PackOptions {
  readonly kind: PackKind
  readonly blobs: readonly PackedBlob[]
  readonly domain: DomainAccess
  readonly keys: SessionKeys
}

/** Puts a pack as docs/format.md says, section 9: one frame with these blobs. */
export async function putPack({ store }: Repository, options: PackOptions): Promise<DescribedPack> {
  const { bytes, pack } = packOf(options)
  await store.put(contentName('packs', pack.indexed.hash), [bytes])
  return pack
}

function packOf({ kind, blobs, domain, keys }: PackOptions): {
  readonly bytes: Bytes
  readonly pack: DescribedPack
} {
  const { epoch } = domain.latest
  const prefix = encodePrefix({ kind, domain: domain.id, epoch })
  const table = new Uint8Array(frameTableBytes(blobs.length))
  writeFrameTable(table, { offset: 0, lengths: blobs.map(({ blob }) => blob.length) })
  const plaintext = concat([table, ...blobs.map(({ blob }) => blob)])
  const aad = frameBinding(domain.scope, keys.session, kind)
  const frame = new Seal(keys.frameKey).seal(aad, concat([Uint8Array.of(CODEC.stored), plaintext]))
  const header: PackHeader = {
    sessions: [keys.session],
    frames: [
      {
        session: 0,
        offset: prefix.length,
        storedBytes: frame.length,
        rawBytes: plaintext.length,
        blobCount: blobs.length,
      },
    ],
    ids: concat(blobs.map(({ id }) => id)),
    refCounts: Uint32Array.from(
      kind === 'tree-pack' ? blobs.map(({ refs = [] }) => refs.length) : [],
    ),
    refs: concat(blobs.flatMap(({ refs = [] }) => refs)),
  }
  const { repositoryId } = domain.scope
  const sealedHeader = domain
    .headerSeal(epoch)
    .seal(binding({ repositoryId, prefix, part: 'header' }), encodePackHeader(header, kind))
  const headerBytes = sealedHeader.length
  const trailer = new Uint8Array(Uint32Array.of(headerBytes).buffer)
  const bytes = concat([prefix, frame, sealedHeader, trailer])
  const indexed = { hash: sha256(bytes), kind, packBytes: bytes.length, headerBytes, frameCount: 1 }
  return { bytes, pack: { indexed, columns: header } }
}

export async function putSegment(
  repository: Repository,
  { domain, packs }: { readonly domain: DomainAccess; readonly packs: readonly DescribedPack[] },
): Promise<void> {
  const { epoch } = domain.latest
  const prefix = encodePrefix({ kind: 'index', domain: domain.id, epoch })
  const sealed = sealSigned(encodeIndexSegment(segmentOf(packs)), {
    place: { repositoryId: repository.id, prefix, part: 'body' },
    signatory: domain.signatory,
    headerSeal: domain.headerSeal(epoch),
  })
  await putContent(repository.store, { folder: 'index', parts: [prefix, sealed] })
}
