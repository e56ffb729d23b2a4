// Every stored object made once more from what it says: decoded, encoded, signed and sealed again with the
// same keys. All of that is deterministic, so the same bytes must come out; where they do not, the program
// no longer writes what it wrote. Only what compresses is taken as it was stored: zstd may improve.

import { type Bytes, concat, equalBytes, toHex, viewOf } from '../../src/base/bytes.ts'
import { type Codec, decode, encode } from '../../src/format/codec.ts'
import { configCodec } from '../../src/format/config.ts'
import { CODEC, decodeFrame, frameTableBytes, writeFrameTable } from '../../src/format/frame.ts'
import type { BlobId } from '../../src/format/ids.ts'
import { decodeIndexSegment, encodeIndexSegment } from '../../src/format/index-segment.ts'
import type { DomainKeys } from '../../src/format/keys.ts'
import { decodeMark, encodeMarkedNames, markWordCodec } from '../../src/format/mark.ts'
import { decodeOpenNames, encodeOpenNames } from '../../src/format/open-names.ts'
import { decodeOrigin, encodeOrigin } from '../../src/format/origin.ts'
import {
  decodePackHeader,
  decodePackTrailer,
  encodePackHeader,
  PACK_TRAILER_BYTES,
  type PackHeader,
} from '../../src/format/pack.ts'
import {
  decodePrefix,
  encodePrefix,
  NO_DOMAIN,
  type PackKind,
  PREFIX_BYTES,
} from '../../src/format/prefix.ts'
import { decodeQuarantined, encodeQuarantined } from '../../src/format/quarantined.ts'
import { leaseCodec, receiptCodec } from '../../src/format/records.ts'
import { certificateCodec, decodeEnvelope, SIGNATURE_BYTES } from '../../src/format/signing.ts'
import {
  decodeSnapshot,
  detailsCodec,
  encodeSnapshot,
  summaryCodec,
} from '../../src/format/snapshot.ts'
import { decodeTreeNode, refsOf, splitIds, treeNodeCodec } from '../../src/format/tree.ts'
import {
  forgetCodec,
  holdCodec,
  lossCodec,
  renewalCodec,
  sightingCodec,
} from '../../src/format/upkeep-records.ts'
import type { DomainAccess } from '../../src/repository/access.ts'
import { sealConfig } from '../../src/repository/create.ts'
import type { Repository } from '../../src/repository/repository.ts'
import { binding, type PART } from '../../src/sealer/bind.ts'
import { issueCertificate } from '../../src/sealer/certificate.ts'
import { decompress } from '../../src/sealer/compress.ts'
import { type OwnerKeys, openGrant, readGrantHead, sealGrant } from '../../src/sealer/grant.ts'
import type { Credential } from '../../src/sealer/passphrase.ts'
import { Seal } from '../../src/sealer/seal.ts'
import { frameBinding } from '../../src/sealer/session.ts'
import { Signer } from '../../src/sealer/sign.ts'
import { sealSigned } from '../../src/sealer/signed.ts'

/** All keys that there are to a repository. */
export interface AllKeys {
  /** Opened by its owner. */
  readonly repository: Repository
  readonly credentials: readonly Credential[]
  /** Of all grants, removed ones included: who signs is found by the certificate. */
  readonly signers: ReadonlyMap<string, Signer>
}

export function signersOf(domains: readonly DomainKeys[]): ReadonlyMap<string, Signer> {
  const signers = new Map<string, Signer>()
  for (const { signingSeed, certificate } of domains) {
    if (signingSeed && certificate) signers.set(toHex(certificate), new Signer(signingSeed))
  }
  return signers
}

/** A blob, and what made it up: for who looks further. */
export interface StoredBlob {
  readonly domain: DomainAccess
  readonly kind: PackKind
  readonly id: BlobId
  readonly blob: Bytes
}

/** What was met on the way, so that a test can say that nothing was left out. */
export class Met {
  readonly blobs: StoredBlob[] = []
  readonly codecs = new Set<number>()
  paddingBytes = 0
  /** Index segments that another one names as superseded. */
  superseded = 0
}

/** The object, made anew. */
export async function rebuild(keys: AllKeys, object: Bytes, met: Met): Promise<Bytes> {
  const { kind } = decodePrefix(object)
  const owner = keys.repository.ownership?.keys as OwnerKeys
  const body = object.subarray(PREFIX_BYTES)
  if (kind === 'config') return rebuildConfig(body, owner)
  if (kind === 'grant') return rebuildGrant(keys, object)
  if (kind === 'keyring') {
    const { id } = keys.repository
    return owner.sealKeyring(owner.openKeyring(object, id), id)
  }
  if (kind === 'snapshot') return rebuildSnapshot(keys, object, met)
  if (kind === 'data-pack' || kind === 'tree-pack') return rebuildPack(keys, object, met)
  if (kind === 'mark') return rebuildMark(keys, object, met)
  if (kind === 'forget') return rebuildForget(keys, object, met)
  if (kind === 'origin') return encodeOrigin(decodeOrigin(object))
  if (kind === 'quarantined') return concat(encodeQuarantined(decodeQuarantined(object)))
  const sealed = rebuildSigned(keys, { object, sealed: body, part: 'body' }, met)
  return concat([prefixAgain(object), sealed])
}

function prefixAgain(object: Bytes): Bytes {
  return encodePrefix(decodePrefix(object))
}

function rebuildConfig(body: Bytes, owner: OwnerKeys): Bytes {
  return sealConfig(decode(configCodec, body.subarray(SIGNATURE_BYTES)), owner)
}

async function rebuildGrant({ credentials }: AllKeys, object: Bytes): Promise<Bytes> {
  const { wrapping } = readGrantHead(object)
  for (const credential of credentials) {
    const grant = await openGrant(object, credential)
    if (grant !== undefined) return sealGrant(grant, { wrapping, credential })
  }
  throw new Error('no credential opens this grant')
}

/** Of the objects and parts that are a sealed envelope: what their payload is. */
const PAYLOADS: Readonly<Record<string, Codec<never>>> = {
  receipt: receiptCodec as Codec<never>,
  lease: leaseCodec as Codec<never>,
  mark: markWordCodec as Codec<never>,
  forget: forgetCodec as unknown as Codec<never>,
  sighting: sightingCodec as unknown as Codec<never>,
  hold: holdCodec as unknown as Codec<never>,
  renewal: renewalCodec as unknown as Codec<never>,
  loss: lossCodec as unknown as Codec<never>,
  snapshot: summaryCodec as Codec<never>,
}

function payloadAgain(kind: string, payload: Bytes, met: Met): Bytes {
  if (kind === 'index') {
    const segment = decodeIndexSegment(payload)
    met.superseded += segment.supersedes.length
    return encodeIndexSegment(segment)
  }
  const codec = PAYLOADS[kind]
  if (codec === undefined) throw new Error(`nothing is known of objects of kind ${kind}`)
  return encode(codec, decode(codec, payload))
}

function rebuildSigned(
  { repository, signers }: AllKeys,
  {
    object,
    sealed,
    part,
  }: { readonly object: Bytes; readonly sealed: Bytes; readonly part: keyof typeof PART },
  met: Met,
): Bytes {
  const { kind, epoch } = decodePrefix(object)
  const headerSeal = domainOf(repository, object).headerSeal(epoch)
  const place = { repositoryId: repository.id, prefix: prefixAgain(object), part }
  const { certificate, payload } = decodeEnvelope(headerSeal.open(binding(place), sealed))
  const signer = signers.get(toHex(certificate))
  if (signer === undefined) throw new Error('signed by nobody whose key is known')
  const signatory = { signer, certificate: certificateAgain(repository, certificate) }
  return sealSigned(payloadAgain(kind, payload, met), { place, signatory, headerSeal })
}

function certificateAgain({ ownership, id }: Repository, certificate: Bytes): Bytes {
  const body = decode(certificateCodec, certificate.subarray(SIGNATURE_BYTES))
  const owner = (ownership?.keys as OwnerKeys).signer
  return issueCertificate(body, { owner, repositoryId: id })
}

function domainOf({ domains }: Repository, object: Bytes): DomainAccess {
  const { domain: id } = decodePrefix(object)
  const domain = domains.find((one) => equalBytes(one.id, id))
  if (domain === undefined || equalBytes(id, NO_DOMAIN)) throw new Error('of no domain')
  return domain
}

function rebuildMark(keys: AllKeys, object: Bytes, met: Met): Bytes {
  const { marked, sealed } = decodeMark(object)
  const again = rebuildSigned(keys, { object, sealed, part: 'body' }, met)
  return concat([prefixAgain(object), encodeMarkedNames(marked), again])
}

function rebuildForget(keys: AllKeys, object: Bytes, met: Met): Bytes {
  const { names, sealed } = decodeOpenNames(object)
  const again = rebuildSigned(keys, { object, sealed, part: 'body' }, met)
  return concat([prefixAgain(object), encodeOpenNames(names), again])
}

function rebuildSnapshot(keys: AllKeys, object: Bytes, met: Met): Bytes {
  const { repository } = keys
  const { summary, encapsulation, details } = decodeSnapshot(object)
  const { epoch } = decodePrefix(object)
  const { detailsKey } = domainOf(repository, object).sessionKeys({ epoch, encapsulation })
  const prefix = prefixAgain(object)
  const aad = binding({ repositoryId: repository.id, prefix, part: 'details' })
  const seal = new Seal(detailsKey)
  const payload = encode(detailsCodec, decode(detailsCodec, seal.open(aad, details)))
  const again = rebuildSigned(keys, { object, sealed: summary, part: 'summary' }, met)
  const parts = { prefix, summary: again, encapsulation, details: seal.seal(aad, payload) }
  return concat(encodeSnapshot(parts))
}

function rebuildPack({ repository }: AllKeys, object: Bytes, met: Met): Bytes {
  const { kind, epoch } = decodePrefix(object) as { kind: PackKind; epoch: number }
  const domain = domainOf(repository, object)
  const prefix = prefixAgain(object)
  const aad = binding({ repositoryId: repository.id, prefix, part: 'header' })
  const headerEnd = object.length - PACK_TRAILER_BYTES
  const headerStart = headerEnd - decodePackTrailer(object, object.length)
  const headerSeal = domain.headerSeal(epoch)
  const opened = headerSeal.open(aad, object.subarray(headerStart, headerEnd))
  const header = decodePackHeader(opened, kind)
  const frames = rebuildFrames({ domain, kind, header, object }, met)
  const framesEnd = PREFIX_BYTES + frames.reduce((sum, frame) => sum + frame.length, 0)
  const padding = object.subarray(framesEnd, headerStart)
  met.paddingBytes += padding.length
  const sealed = headerSeal.seal(aad, encodePackHeader(header, kind))
  const length = new Uint8Array(PACK_TRAILER_BYTES)
  viewOf(length).setUint32(0, sealed.length, true)
  return concat([prefix, ...frames, padding, sealed, length])
}

interface OpenedPack {
  readonly domain: DomainAccess
  readonly kind: PackKind
  readonly header: PackHeader
  readonly object: Bytes
}

/** Frames stand one after the other; each is made of its blobs, and these are what their ids say. */
function rebuildFrames({ domain, kind, header, object }: OpenedPack, met: Met): readonly Bytes[] {
  const ids = [...splitIds(header.ids)]
  const refCounts = [...header.refCounts]
  const refs = [...splitIds(header.refs)]
  return header.frames.map(({ session: number, offset, storedBytes, rawBytes, blobCount }) => {
    const session = header.sessions[number]
    if (session === undefined) throw new Error('a frame of no session')
    const seal = new Seal(domain.sessionKeys(session).frameKey)
    const aad = frameBinding(domain.scope, session, kind)
    const payload = seal.open(aad, object.subarray(offset, offset + storedBytes))
    const [codec = -1, data] = [payload[0], payload.subarray(1)]
    met.codecs.add(codec)
    const opened = decompress({ codec, data }, rawBytes)
    const blobs = decodeFrame(opened)
    if (blobs.length !== blobCount) throw new Error('a frame with another number of blobs')
    for (const blob of blobs) {
      met.blobs.push({ domain, kind, id: ids.shift() as BlobId, blob })
      if (kind === 'tree-pack') expectRefs(blob, refs.splice(0, refCounts.shift()))
    }
    const plaintext = frameOf(blobs.map((blob) => blobAgain(blob, kind)))
    if (!equalBytes(plaintext, opened)) throw new Error('a frame of other bytes')
    return seal.seal(aad, Uint8Array.of(codec), codec === CODEC.stored ? plaintext : data)
  })
}

function expectRefs(blob: Bytes, refs: readonly BlobId[]): void {
  if (!equalBytes(concat(refsOf(decodeTreeNode(blob))), concat(refs)))
    throw new Error('a header has other refs than its node')
}

function blobAgain(blob: Bytes, kind: PackKind): Bytes {
  return kind === 'tree-pack' ? encode(treeNodeCodec, decodeTreeNode(blob)) : blob
}

function frameOf(blobs: readonly Bytes[]): Bytes {
  const table = new Uint8Array(frameTableBytes(blobs.length))
  writeFrameTable(table, { offset: 0, lengths: blobs.map((blob) => blob.length) })
  return concat([table, ...blobs])
}

/** The id that a blob must have. */
export function idAgain({ domain, kind, blob }: StoredBlob): Bytes {
  return domain.idOf(kind === 'tree-pack' ? 'tree' : 'data', blob)
}
