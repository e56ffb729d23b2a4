// Origin records (docs/format.md, section 13): which packs the repository had of which this is a copy, when `sync` was
// there the last time. Prune leaves these alone: sync would put them again, and must not as long as a mark names
// them. Whoever syncs has no key, so nothing of it is sealed or signed, and nobody deletes on its word.
//
// Of each name it has the first bytes: what begins alike is left alone too.

import { type Bytes, concat } from '../base/bytes.ts'
import { malformed } from './cbor.ts'
import {
  bytes,
  type Codec,
  decode,
  encode,
  optional,
  record,
  required,
  time,
  yes,
} from './codec.ts'
import { ORIGIN_NAME_BYTES, ORIGIN_PACKS_MAX } from './limits.ts'
import { encodePrefix, expectPrefix, NO_DOMAIN, PREFIX_BYTES } from './prefix.ts'

export interface Origin {
  /** The first bytes of names of packs as numbers, big-endian, ascending, each once. */
  readonly packs: Uint32Array
  /** By the clock of the machine that synced: only so that two of them are not the same object. */
  readonly syncedMs: number
  /** The origin was a copy itself: a repository may have been made anew from it. */
  readonly isOfCopy?: true | undefined
}

interface StoredOrigin extends Omit<Origin, 'packs'> {
  readonly packs: Bytes
}

const originCodec: Codec<StoredOrigin> = record<StoredOrigin>({
  packs: required(1, bytes(ORIGIN_NAME_BYTES * ORIGIN_PACKS_MAX)),
  syncedMs: required(2, time),
  isOfCopy: optional(3, yes()),
})

export function encodeOrigin({ packs, ...said }: Origin): Bytes {
  const column = new Uint8Array(ORIGIN_NAME_BYTES * packs.length)
  const view = new DataView(column.buffer)
  packs.forEach((begin, i) => view.setUint32(ORIGIN_NAME_BYTES * i, begin))
  const prefix = encodePrefix({ kind: 'origin', domain: NO_DOMAIN, epoch: 0 })
  return concat([prefix, encode(originCodec, { packs: column, ...said })])
}

/** Throws 'object-damaged', 'object-foreign' or 'unsupported'. */
export function decodeOrigin(object: Bytes): Origin {
  const { domain, epoch } = expectPrefix(object, 'origin')
  if (epoch !== 0 || domain.some((byte) => byte !== 0))
    throw malformed('what the origin had is of no domain and no epoch', 12)
  const { packs: column, ...said } = decode(originCodec, object.subarray(PREFIX_BYTES))
  if (column.length % ORIGIN_NAME_BYTES !== 0)
    throw malformed('a name is cut off', PREFIX_BYTES + column.length)
  const view = new DataView(column.buffer, column.byteOffset, column.length)
  const packs = new Uint32Array(column.length / ORIGIN_NAME_BYTES)
  for (let i = 0; i < packs.length; i++) {
    packs[i] = view.getUint32(ORIGIN_NAME_BYTES * i)
    if (i > 0 && (packs[i] as number) <= (packs[i - 1] as number))
      throw malformed('names are in order, each once', PREFIX_BYTES + ORIGIN_NAME_BYTES * i)
  }
  return { packs, ...said }
}
