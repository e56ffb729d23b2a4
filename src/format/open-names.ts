// Names that lie open in a signed object (docs/format.md, section 13), so that whoever copies without a key can go
// by them; a store knows its own names anyway:
//
//     prefix | count (u32) | names, 32 bytes each | sealed envelope
//
// The envelope, signed by upkeep, says the same names: who opens it compares them.

import { type Bytes, concat } from '../base/bytes.ts'
import { ColumnReader, ColumnWriter } from './columns.ts'
import { FORGOTTEN_MAX } from './limits.ts'
import { PREFIX_BYTES } from './prefix.ts'

const NAME_HASH_BYTES = 32
const COUNT_BYTES = 4

/** What comes between the prefix and the envelope. */
export function encodeOpenNames(names: readonly Bytes[]): Bytes {
  const columns = new ColumnWriter(COUNT_BYTES + NAME_HASH_BYTES * names.length)
  columns.u32([names.length])
  columns.bytes(names)
  return columns.finish()
}

export interface DecodedOpenNames {
  readonly names: readonly Bytes[]
  readonly sealed: Bytes
}

/** Takes an object apart behind its prefix; verifies nothing. Throws 'object-damaged'. */
export function decodeOpenNames(object: Bytes): DecodedOpenNames {
  const columns = new ColumnReader(object.subarray(PREFIX_BYTES))
  const count = columns.u32Max(FORGOTTEN_MAX)
  const column = columns.bytes(NAME_HASH_BYTES * count)
  const names: Bytes[] = []
  for (let at = 0; at < column.length; at += NAME_HASH_BYTES)
    names.push(concat([column.subarray(at, at + NAME_HASH_BYTES)]))
  const end = PREFIX_BYTES + COUNT_BYTES + NAME_HASH_BYTES * count
  return { names, sealed: object.subarray(end) }
}
