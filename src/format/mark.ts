// Marks (docs/format.md, section 13):
//
//     prefix | count of packs (u32) | count of snapshots (u32) | their names, 32 bytes each | sealed envelope
//
// The names lie open, so that whoever copies without a key can leave marked names alone; a store knows
// its own names anyway. The envelope, signed by upkeep and sealed under the header key, has their hash.

import { type Bytes, concat } from '../base/bytes.ts'
import { type Codec, fixedBytes, record, required, time } from './codec.ts'
import { ColumnReader, ColumnWriter } from './columns.ts'
import { MARKED_NAMES_MAX } from './limits.ts'
import { expectPrefix, PREFIX_BYTES } from './prefix.ts'

const NAME_HASH_BYTES = 32

/** What is going to be deleted. Irrevocable: what is marked is absent from then on. */
export interface MarkedNames {
  /** SHA-256 names. */
  readonly packs: readonly Bytes[]
  readonly snapshots: readonly Bytes[]
}

/** What is signed of a mark. */
export interface MarkWord {
  /** SHA-256 of the counts and names. */
  readonly namesHash: Bytes
  readonly markedMs: number
}

export const markWordCodec: Codec<MarkWord> = record<MarkWord>({
  namesHash: required(1, fixedBytes(32)),
  markedMs: required(2, time),
})

/** The counts and names as they are stored. */
export function encodeMarkedNames({ packs, snapshots }: MarkedNames): Bytes {
  const names = [...packs, ...snapshots]
  const columns = new ColumnWriter(8 + NAME_HASH_BYTES * names.length)
  columns.u32([packs.length, snapshots.length])
  columns.bytes(names)
  return columns.finish()
}

export interface DecodedMark {
  readonly prefix: Bytes
  /** As they are stored. */
  readonly names: Bytes
  readonly marked: MarkedNames
  readonly sealed: Bytes
}

/** Takes a mark apart; verifies nothing. Throws 'object-damaged', 'object-foreign' or 'unsupported'. */
export function decodeMark(object: Bytes): DecodedMark {
  expectPrefix(object, 'mark')
  const columns = new ColumnReader(object.subarray(PREFIX_BYTES))
  const packCount = columns.u32Max(MARKED_NAMES_MAX)
  const snapshotCount = columns.u32Max(MARKED_NAMES_MAX)
  const packs = namesIn(columns.bytes(NAME_HASH_BYTES * packCount))
  const snapshots = namesIn(columns.bytes(NAME_HASH_BYTES * snapshotCount))
  const end = PREFIX_BYTES + 8 + NAME_HASH_BYTES * (packCount + snapshotCount)
  return {
    prefix: object.subarray(0, PREFIX_BYTES),
    names: object.subarray(PREFIX_BYTES, end),
    marked: { packs, snapshots },
    sealed: object.subarray(end),
  }
}

function namesIn(column: Bytes): readonly Bytes[] {
  const names: Bytes[] = []
  for (let at = 0; at < column.length; at += NAME_HASH_BYTES)
    names.push(concat([column.subarray(at, at + NAME_HASH_BYTES)]))
  return names
}
