// What a repair took out of the way (docs/format.md, section 13):
//
//     prefix | length of the name (u16) | the name that the object had | its bytes as they were found
//
// Nothing of it is sealed or signed: it is evidence, and nobody relies on what it says. The domain is that
// of the object where that could be told.

import { type Bytes, concat, fromUtf8Lossy, utf8, viewOf } from '../base/bytes.ts'
import { malformed } from './cbor.ts'
import { QUARANTINED_NAME_BYTES_MAX } from './limits.ts'
import { encodePrefix, expectPrefix, PREFIX_BYTES } from './prefix.ts'

export interface QuarantinedHead {
  /** 16 bytes: of the object, or NO_DOMAIN. */
  readonly domain: Bytes
  /** Of the object, in ASCII. */
  readonly name: string
}

export interface Quarantined extends QuarantinedHead {
  /** The whole object as it was found. */
  readonly bytes: Bytes
}

const NAME_LENGTH_BYTES = 2
/** So much of the object has all of its head. */
export const QUARANTINED_HEAD_BYTES_MAX =
  PREFIX_BYTES + NAME_LENGTH_BYTES + QUARANTINED_NAME_BYTES_MAX

/** The parts of the object: what was found is the last one, and is not copied. */
export function encodeQuarantined({ domain, name, bytes }: Quarantined): readonly Bytes[] {
  const length = new Uint8Array(NAME_LENGTH_BYTES)
  const ascii = utf8(name)
  viewOf(length).setUint16(0, ascii.length, true)
  const prefix = encodePrefix({ kind: 'quarantined', domain, epoch: 0 })
  const head = concat([prefix, length, ascii])
  decodeQuarantinedHead(head)
  return [head, bytes]
}

/** Takes an object apart; `bytes` is a view. Throws 'object-damaged', 'object-foreign' or 'unsupported'. */
export function decodeQuarantined(object: Bytes): Quarantined {
  const head = decodeQuarantinedHead(object)
  const headBytes = PREFIX_BYTES + NAME_LENGTH_BYTES + head.name.length
  return { ...head, bytes: object.subarray(headBytes) }
}

/** What the first bytes of an object say, QUARANTINED_HEAD_BYTES_MAX of them. Throws as decodeQuarantined. */
export function decodeQuarantinedHead(object: Bytes): QuarantinedHead {
  const { domain, epoch } = expectPrefix(object, 'quarantined')
  if (epoch !== 0) throw malformed('what is in quarantine has no epoch', 28)
  const start = PREFIX_BYTES + NAME_LENGTH_BYTES
  if (object.length < start) throw malformed('it ends too early', object.length)
  const length = viewOf(object).getUint16(PREFIX_BYTES, true)
  if (length === 0 || length > QUARANTINED_NAME_BYTES_MAX)
    throw malformed(`a name of ${length} bytes is none`, PREFIX_BYTES)
  if (object.length < start + length) throw malformed('it ends too early', object.length)
  const name = object.subarray(start, start + length)
  if (name.some((byte) => byte <= 0x20 || byte >= 0x7f))
    throw malformed('the name of an object is printable ASCII', start)
  return { domain, name: fromUtf8Lossy(name) }
}
