// Packs by the hundred, each with one small blob of data: named by an index segment or, as where segments were
// lost, by none.

import { type Bytes, concat, utf8 } from '../../src/base/bytes.ts'
import { frameTableBytes, writeFrameTable } from '../../src/format/frame.ts'
import type { BlobId } from '../../src/format/ids.ts'
import { encodeIndexSegment } from '../../src/format/index-segment.ts'
import { encodePrefix } from '../../src/format/prefix.ts'
import { sealFrame } from '../../src/packer/frame.ts'
import { PackWriter } from '../../src/packer/pack-writer.ts'
import type { DomainAccess } from '../../src/repository/access.ts'
import { type DescribedPack, segmentOf } from '../../src/repository/pack-headers.ts'
import type { Repository } from '../../src/repository/repository.ts'
import { Seal } from '../../src/sealer/seal.ts'
import { beginSession, frameBinding } from '../../src/sealer/session.ts'
import { sealSigned } from '../../src/sealer/signed.ts'
import { putContent } from '../../src/store/content.ts'
import { contentName } from '../../src/store/names.ts'

export interface SmallPacks {
  readonly names: readonly string[]
  /** Of the blobs in them, in the same order. */
  readonly ids: readonly BlobId[]
}

/** Puts so many packs of a domain, with an index segment that names them or without. */
export async function putSmallPacks(
  repository: Repository,
  options: {
    readonly domain: DomainAccess
    readonly count: number
    readonly indexed: boolean
  },
): Promise<SmallPacks> {
  const { domain, count } = options
  const { session, frameKey } = beginSession(domain.scope, domain.latest)
  const seal = new Seal(frameKey)
  const aad = frameBinding(domain.scope, session, 'data-pack')
  const { epoch } = domain.latest
  const headerSeal = domain.headerSeal(epoch)
  const packs: DescribedPack[] = []
  const ids: BlobId[] = []
  for (let i = 0; i < count; i++) {
    const blob = utf8(`the content of pack ${i}`)
    const plaintext = concat([tableOf(blob), blob])
    const sealed = sealFrame(plaintext, { seal, aad, level: 1 })
    const id = domain.idOf('data', blob)
    const pack = new PackWriter(session, { kind: 'data-pack', ...domain.scope, epoch, headerSeal })
    pack.add({ sealed, rawBytes: plaintext.length, ids: id })
    const { parts, indexed, header } = pack.finish()
    await repository.store.put(contentName('packs', indexed.hash), parts)
    packs.push({ indexed, columns: header })
    ids.push(id)
  }
  if (options.indexed) await putSegment(repository, { domain, packs })
  return { names: packs.map(({ indexed }) => contentName('packs', indexed.hash)), ids }
}

function tableOf(blob: Bytes): Bytes {
  const table = new Uint8Array(frameTableBytes(1))
  writeFrameTable(table, { offset: 0, lengths: [blob.length] })
  return table
}

async function putSegment(
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
