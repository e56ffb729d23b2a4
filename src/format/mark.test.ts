import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as values from '../../test/format/values.ts'
import { type Bytes, concat, toHex } from '../base/bytes.ts'
import { decode, encode } from './codec.ts'
import { MARKED_NAMES_MAX } from './limits.ts'
import { decodeMark, encodeMarkedNames, markWordCodec } from './mark.ts'
import { encodePrefix, PREFIX_BYTES } from './prefix.ts'

const damaged = expect.objectContaining({ code: 'object-damaged' }) as unknown as Error
const foreign = expect.objectContaining({ code: 'object-foreign' }) as unknown as Error
const prefix = encodePrefix({ kind: 'mark', domain: new Uint8Array(16).fill(3), epoch: 1 })
const sealed = Uint8Array.of(7, 8, 9)

function hash(byte: number): Bytes {
  return new Uint8Array(32).fill(byte)
}

/** The object of a mark that says that it has so many names, whatever there is. */
function withCounts(counts: readonly number[], rest: Bytes): Bytes {
  return concat([prefix, new Uint8Array(Uint32Array.from(counts).buffer), rest])
}

test('a mark is its prefix, two counts, the names of packs, those of snapshots, and the envelope', () => {
  const names = encodeMarkedNames({ packs: [hash(1), hash(2)], snapshots: [hash(3)] })
  expect(toHex(names)).toBe(
    `0200000001000000${'01'.repeat(32)}${'02'.repeat(32)}${'03'.repeat(32)}`,
  )
  expect(decodeMark(concat([prefix, names, sealed]))).toEqual({
    prefix,
    names,
    marked: { packs: [hash(1), hash(2)], snapshots: [hash(3)] },
    sealed,
  })
})

test('what is marked comes back, whatever is sealed behind it', () => {
  fc.assert(
    fc.property(values.markedNames, fc.uint8Array({ maxLength: 40 }), (marked, envelope) => {
      const names = encodeMarkedNames(marked)
      const decoded = decodeMark(concat([prefix, names, envelope]))
      expect(decoded).toEqual({ prefix, names, marked, sealed: envelope })
    }),
  )
})

test('names are copies: they outlive the object that they came in', () => {
  const object = Uint8Array.from(
    concat([prefix, encodeMarkedNames({ packs: [hash(1)], snapshots: [] }), sealed]),
  )
  const { marked } = decodeMark(object)
  object.fill(0)
  expect(marked.packs).toEqual([hash(1)])
})

test('what is signed of a mark comes back', () => {
  fc.assert(
    fc.property(values.markWord, (word) => {
      expect(decode(markWordCodec, encode(markWordCodec, word))).toEqual(word)
    }),
  )
})

describe('refused', () => {
  test('at every length that is too short for its names', () => {
    const object = concat([prefix, encodeMarkedNames({ packs: [hash(1)], snapshots: [hash(2)] })])
    for (let length = PREFIX_BYTES; length < object.length; length++)
      expect(() => decodeMark(object.subarray(0, length)), `${length} bytes`).toThrow(damaged)
    expect(decodeMark(object).sealed).toHaveLength(0)
  })

  test.each([[[MARKED_NAMES_MAX + 1, 0]], [[0, MARKED_NAMES_MAX + 1]], [[0xffffffff, 0xffffffff]]])(
    'with counts of %j, before memory is taken for them',
    (counts) => {
      expect(() => decodeMark(withCounts(counts, new Uint8Array(64)))).toThrow(damaged)
      // Also where as many are there.
      const all = new Uint8Array(32 * (MARKED_NAMES_MAX + 1))
      expect(() => decodeMark(withCounts(counts, all))).toThrow('more than the maximum')
    },
  )

  test('where it is an object of another kind', () => {
    const other = encodePrefix({ kind: 'hold', domain: new Uint8Array(16), epoch: 1 })
    const names = encodeMarkedNames({ packs: [], snapshots: [] })
    expect(() => decodeMark(concat([other, names, sealed]))).toThrow(foreign)
  })
})

test('as many names as there may be are read', () => {
  const all = new Uint8Array(32 * MARKED_NAMES_MAX)
  const { marked } = decodeMark(withCounts([0, MARKED_NAMES_MAX], all))
  expect(marked.snapshots).toHaveLength(MARKED_NAMES_MAX)
})
