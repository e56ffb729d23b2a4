// Fuzzing of every decoder. What holds for all of them:
//
// 1. Any bytes are decoded, or refused with 'object-damaged', 'object-foreign' or 'unsupported'.
// 2. What is decoded is encoded to the same bytes again: there is one encoding of each value.
// 3. What is encoded is decoded to the same value again.
// 4. Lengths and counts, however large, are refused before memory is taken for them.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { indexSegment, packHeader } from '../../test/format/pack-values.ts'
import * as values from '../../test/format/values.ts'
import { type Bytes, concat } from '../base/bytes.ts'
import { isCairnError } from '../base/errors.ts'
import { type Codec, decode, encode } from './codec.ts'
import { configCodec } from './config.ts'
import { decodeFrame, frameTableBytes, writeFrameTable } from './frame.ts'
import { decodeIndexSegment, encodeIndexSegment, type IndexSegment } from './index-segment.ts'
import { domainKeysCodec, grantCodec, grantHeadCodec, keyringCodec } from './keys.ts'
import { decodeMark, encodeMarkedNames, type MarkedNames, markWordCodec } from './mark.ts'
import { decodeOrigin, encodeOrigin, type Origin } from './origin.ts'
import { decodePackHeader, decodePackTrailer, encodePackHeader, type PackHeader } from './pack.ts'
import { decodePrefix, encodePrefix, expectPrefix, PREFIX_BYTES, type Prefix } from './prefix.ts'
import { decodeQuarantined, encodeQuarantined, type Quarantined } from './quarantined.ts'
import { leaseCodec, receiptCodec } from './records.ts'
import { certificateCodec, decodeEnvelope, type Envelope, encodeEnvelope } from './signing.ts'
import {
  decodeSnapshot,
  detailsCodec,
  encodeSnapshot,
  type SealedSnapshot,
  summaryCodec,
} from './snapshot.ts'
import { entryCodec, treeNodeCodec } from './tree.ts'
import { forgetCodec, holdCodec, lossCodec, renewalCodec, sightingCodec } from './upkeep-records.ts'

const RUNS = Number(process.env['CAIRN_TEST_RUNS'] ?? 150)

/** One stored type: values of it, and both directions. */
interface Format<T> {
  readonly value: fc.Arbitrary<T>
  readonly encode: (value: T) => Bytes
  readonly decode: (bytes: Bytes) => T
}

function cbor<T>(codec: Codec<T>, value: fc.Arbitrary<T>): Format<T> {
  return { value, encode: (one) => encode(codec, one), decode: (bytes) => decode(codec, bytes) }
}

const CBOR_FORMATS = {
  config: cbor(configCodec, values.config),
  'domain keys': cbor(domainKeysCodec, values.domainKeys),
  grant: cbor(grantCodec, values.grant),
  'grant head': cbor(grantHeadCodec, values.grantHead),
  keyring: cbor(keyringCodec, values.keyring),
  certificate: cbor(certificateCodec, values.certificate),
  summary: cbor(summaryCodec, values.summary),
  details: cbor(detailsCodec, values.details),
  receipt: cbor(receiptCodec, values.receipt),
  lease: cbor(leaseCodec, values.lease),
  "a mark's word": cbor(markWordCodec, values.markWord),
  forget: cbor(forgetCodec, values.forget),
  sighting: cbor(sightingCodec, values.sighting),
  hold: cbor(holdCodec, values.hold),
  renewal: cbor(renewalCodec, values.renewal),
  loss: cbor(lossCodec, values.loss),
  entry: cbor(entryCodec, values.entry),
  'tree node': cbor(treeNodeCodec, values.treeNode),
}

const envelope: fc.Arbitrary<Envelope> = fc.record({
  certificate: fc.uint8Array({ minLength: 64, maxLength: 200 }),
  signature: values.bytesOf(64),
  payload: fc.uint8Array({ maxLength: 50 }),
})

const sealedSnapshot: fc.Arbitrary<SealedSnapshot> = fc.record({
  prefix: values.bytesOf(32),
  summary: fc.uint8Array({ maxLength: 50 }),
  encapsulation: values.bytesOf(1120),
  details: fc.uint8Array({ maxLength: 50 }),
})

interface OpenMark {
  readonly prefix: Bytes
  readonly marked: MarkedNames
  readonly sealed: Bytes
}

const openMark: fc.Arbitrary<OpenMark> = fc.record({
  prefix: fc
    .tuple(values.bytesOf(16), fc.nat(9))
    .map(([domain, epoch]) => encodePrefix({ kind: 'mark', domain, epoch })),
  marked: values.markedNames,
  sealed: fc.uint8Array({ maxLength: 50 }),
})

/** A frame's plaintext from its blobs. */
function encodeFrame(blobs: readonly Bytes[]): Bytes {
  const table = new Uint8Array(frameTableBytes(blobs.length))
  writeFrameTable(table, { offset: 0, lengths: blobs.map((blob) => blob.length) })
  return concat([table, ...blobs])
}

const BINARY_FORMATS = {
  prefix: {
    value: values.prefix,
    encode: encodePrefix,
    // What follows it in an object is none of its.
    decode: (bytes) => decodePrefix(bytes.length > PREFIX_BYTES ? new Uint8Array(0) : bytes),
  } satisfies Format<Prefix>,
  'data pack header': {
    value: packHeader('data-pack'),
    encode: (header) => encodePackHeader(header, 'data-pack'),
    decode: (bytes) => decodePackHeader(bytes, 'data-pack'),
  } satisfies Format<PackHeader>,
  'tree pack header': {
    value: packHeader('tree-pack'),
    encode: (header) => encodePackHeader(header, 'tree-pack'),
    decode: (bytes) => decodePackHeader(bytes, 'tree-pack'),
  } satisfies Format<PackHeader>,
  'index segment': {
    value: indexSegment,
    encode: encodeIndexSegment,
    decode: decodeIndexSegment,
  } satisfies Format<IndexSegment>,
  frame: {
    value: fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 5 }),
    encode: encodeFrame,
    decode: decodeFrame,
  } satisfies Format<readonly Bytes[]>,
  mark: {
    value: openMark,
    encode: ({ prefix, marked, sealed }) => concat([prefix, encodeMarkedNames(marked), sealed]),
    decode: (bytes) => {
      const { prefix, marked, sealed } = decodeMark(bytes)
      return { prefix, marked, sealed }
    },
  } satisfies Format<OpenMark>,
  'origin record': {
    value: values.origin,
    encode: encodeOrigin,
    decode: decodeOrigin,
  } satisfies Format<Origin>,
  'what is in quarantine': {
    value: values.quarantined,
    encode: (one) => concat(encodeQuarantined(one)),
    decode: decodeQuarantined,
  } satisfies Format<Quarantined>,
  envelope: {
    value: envelope,
    encode: (one) => concat(encodeEnvelope(one)),
    decode: decodeEnvelope,
  } satisfies Format<Envelope>,
  snapshot: {
    value: sealedSnapshot,
    encode: (one) => concat(encodeSnapshot(one)),
    decode: decodeSnapshot,
  } satisfies Format<SealedSnapshot>,
}

const FORMATS = Object.entries({ ...CBOR_FORMATS, ...BINARY_FORMATS }) as unknown as readonly [
  string,
  Format<unknown>,
][]

/** Bytes with a few changes in them. */
function mutated(bytes: fc.Arbitrary<Bytes>): fc.Arbitrary<Bytes> {
  const change = fc.record({
    kind: fc.constantFrom('set', 'flip', 'insert', 'remove', 'cut', 'repeat'),
    at: fc.nat(),
    byte: fc.oneof(fc.nat(255), fc.constantFrom(0x1b, 0x5b, 0x7b, 0x9b, 0x9f, 0xbb, 0xbf, 0xff)),
  })
  return fc
    .tuple(bytes, fc.array(change, { minLength: 1, maxLength: 4 }))
    .map(([start, changes]) =>
      changes.reduce(
        (now, { kind, at, byte }) => apply(now, { kind, at: at % (now.length + 1), byte }),
        start,
      ),
    )
}

function apply(
  bytes: Bytes,
  { kind, at, byte }: { kind: string; at: number; byte: number },
): Bytes {
  const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)]
  if (kind === 'insert') return concat([head, Uint8Array.of(byte), tail])
  if (kind === 'remove') return concat([head, tail.subarray(1)])
  if (kind === 'cut') return head.slice()
  if (kind === 'repeat') return concat([head, tail.subarray(0, byte), tail])
  const value = kind === 'set' ? byte : (tail[0] ?? 0) ^ (1 << (byte & 7))
  return concat([head, Uint8Array.of(value), tail.subarray(1)])
}

/** What is decoded, or nothing where it is refused in good order. */
function tryDecode<T>(format: Format<T>, bytes: Bytes): { readonly value: T } | undefined {
  try {
    return { value: format.decode(bytes) }
  } catch (error) {
    if (isCairnError(error, 'object-damaged', 'object-foreign', 'unsupported')) return undefined
    throw error
  }
}

describe.each(FORMATS)('%s', (_name, format) => {
  test('comes back as it went in', () => {
    fc.assert(
      fc.property(format.value, (value) => {
        expect(format.decode(format.encode(value))).toEqual(value)
      }),
      { numRuns: RUNS },
    )
  })

  test('arbitrary bytes are refused in good order', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const decoded = tryDecode(format, bytes)
        if (decoded !== undefined) expect(format.encode(decoded.value)).toEqual(bytes)
      }),
      { numRuns: RUNS },
    )
  })

  test('what a changed encoding gives has that encoding, and no other', () => {
    fc.assert(
      fc.property(mutated(format.value.map(format.encode)), (bytes) => {
        const decoded = tryDecode(format, bytes)
        if (decoded !== undefined)
          expect(Buffer.compare(format.encode(decoded.value), bytes)).toBe(0)
      }),
      { numRuns: 2 * RUNS },
    )
  })

  test('huge lengths take no memory', () => {
    for (const [bytes] of fc.sample(fc.tuple(format.value.map(format.encode)), {
      numRuns: 5,
      seed: 1,
    })) {
      for (let at = 0; at < Math.min(bytes.length, 200); at++) {
        const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)]
        expectFrugal(bytes.length, () => {
          for (const huge of HUGE) {
            tryDecode(format, concat([head, huge, tail]))
            tryDecode(format, concat([head, huge, tail.subarray(huge.length)]))
          }
        })
      }
    }
  })
})

/** Columns' counts, and CBOR's heads of bytes, text, arrays and maps, of 2^32 and beyond. */
const HUGE: readonly Bytes[] = [
  Uint8Array.of(0xff, 0xff, 0xff, 0xff),
  Uint8Array.of(0xff, 0xff, 0xff, 0x7f),
  ...[0x5a, 0x7a, 0x9a, 0xba].map((head) => Uint8Array.of(head, 0xff, 0xff, 0xff, 0xff)),
  ...[0x5b, 0x7b, 0x9b, 0xbb].map((head) => Uint8Array.of(head, 0, 0, 0, 1, 0, 0, 0, 0)),
  ...[0x5b, 0x7b, 0x9b, 0xbb].map((head) =>
    Uint8Array.of(head, 255, 255, 255, 255, 255, 255, 255, 255),
  ),
]

/** Buffers are all that could be taken at once; objects are only made as they are read. */
function expectFrugal(length: number, act: () => void): void {
  const before = process.memoryUsage().arrayBuffers
  act()
  const taken = process.memoryUsage().arrayBuffers - before
  const allowed = 2 * HUGE.length * (8 * length + 64 * 1024)
  if (taken > allowed) throw new Error(`${taken} bytes were taken for ${length}`)
}

describe('canonical CBOR', () => {
  const formats = Object.values(CBOR_FORMATS) as unknown as readonly Format<unknown>[]
  const encodings = fc.oneof(
    ...formats.map((format) =>
      format.value.map((value) => ({ format, bytes: format.encode(value) })),
    ),
  )

  test('a number or length in any but its shortest form is refused', () => {
    fc.assert(
      fc.property(encodings, fc.nat(), fc.nat(3), ({ format, bytes }, which, size) => {
        const heads = headsOf(bytes)
        const head = heads[which % heads.length] as Head
        const longer = longerHead(bytes, head, size)
        if (longer !== undefined) expect(tryDecode(format, longer)).toBeUndefined()
      }),
      { numRuns: 3 * RUNS },
    )
  })

  test('indefinite lengths are refused', () => {
    fc.assert(
      fc.property(encodings, fc.nat(), ({ format, bytes }, which) => {
        const open = headsOf(bytes).filter(({ major }) => major >= 2)
        const head = open[which % Math.max(1, open.length)]
        if (head === undefined) return
        const first = Uint8Array.of((head.major << 5) | 31)
        const rest = bytes.subarray(head.at + head.length)
        const indefinite = concat([bytes.subarray(0, head.at), first, rest, Uint8Array.of(0xff)])
        expect(tryDecode(format, indefinite)).toBeUndefined()
      }),
      { numRuns: RUNS },
    )
  })

  test('keys in another order, twice, or left out are refused', () => {
    fc.assert(
      fc.property(encodings, fc.nat(), ({ format, bytes }, which) => {
        const maps = mapsOf(bytes)
        const map = maps[which % Math.max(1, maps.length)]
        if (map === undefined || map.pairs.length < 2) return
        const pairs = map.pairs.map(({ start, end }) => bytes.subarray(start, end))
        const at = which % (pairs.length - 1)
        const swapped = pairs.map(
          (pair, i) => pairs[i === at ? at + 1 : i === at + 1 ? at : i] ?? pair,
        )
        const twice = [...pairs.slice(0, at + 1), pairs[at] as Bytes, ...pairs.slice(at + 1)]
        for (const changed of [swapped, twice]) {
          expect(tryDecode(format, withPairs(bytes, map, changed))).toBeUndefined()
        }
      }),
      { numRuns: RUNS },
    )
  })

  test('a field that is not known is told from damage', () => {
    const bytes = encode(
      receiptCodec,
      fc.sample(values.receipt, { numRuns: 1, seed: 1 })[0] as never,
    )
    const [map] = mapsOf(bytes)
    const pairs = (map as CborMap).pairs.map(({ start, end }) => bytes.subarray(start, end))
    const later = withPairs(bytes, map as CborMap, [...pairs, Uint8Array.of(0x18, 200, 0)])
    expect(() => decode(receiptCodec, later)).toThrow(
      expect.objectContaining({ code: 'unsupported' }),
    )
  })
})

interface Head {
  readonly at: number
  readonly length: number
  readonly major: number
  readonly value: bigint
}

/** Every head of an encoding, in order. */
function headsOf(bytes: Bytes): readonly Head[] {
  const heads: Head[] = []
  for (let at = 0; at < bytes.length; ) {
    const head = headAt(bytes, at)
    heads.push(head)
    at += head.length + (head.major === 2 || head.major === 3 ? Number(head.value) : 0)
  }
  return heads
}

function headAt(bytes: Bytes, at: number): Head {
  const first = bytes[at] as number
  const short = first & 31
  const size = short < 24 ? 0 : 1 << (short - 24)
  let value = size === 0 ? BigInt(short) : 0n
  for (let i = 1; i <= size; i++) value = (value << 8n) | BigInt(bytes[at + i] as number)
  return { at, length: 1 + size, major: first >> 5, value }
}

/** With one head in a form that is longer than it need be; undefined where there is none of that size. */
function longerHead(bytes: Bytes, head: Head, size: number): Bytes | undefined {
  const argument = 1 << size
  if (1 + argument <= head.length) return undefined
  const digits = head.value.toString(16).padStart(2 * argument, '0')
  const long = Uint8Array.from([(head.major << 5) | (24 + size), ...Buffer.from(digits, 'hex')])
  return concat([bytes.subarray(0, head.at), long, bytes.subarray(head.at + head.length)])
}

interface CborMap {
  readonly at: number
  readonly end: number
  readonly pairs: readonly { readonly start: number; readonly end: number }[]
}

/** Every map of an encoding, with where its pairs begin and end. */
function mapsOf(bytes: Bytes): readonly CborMap[] {
  const maps: CborMap[] = []
  readItem(bytes, 0, maps)
  return maps
}

/** Reads the item at `at` and returns where it ends. */
function readItem(bytes: Bytes, at: number, maps: CborMap[]): number {
  const { length, major, value } = headAt(bytes, at)
  let end = at + length
  if (major === 2 || major === 3) return end + Number(value)
  if (major === 4) for (let i = 0n; i < value; i++) end = readItem(bytes, end, maps)
  if (major !== 5) return end
  const pairs = []
  for (let i = 0n; i < value; i++) {
    const start = end
    end = readItem(bytes, readItem(bytes, start, maps), maps)
    pairs.push({ start, end })
  }
  maps.push({ at, end, pairs })
  return end
}

function withPairs(bytes: Bytes, map: CborMap, pairs: readonly Bytes[]): Bytes {
  const count = pairs.length < 24 ? [0xa0 | pairs.length] : [0xb8, pairs.length]
  return concat([
    bytes.subarray(0, map.at),
    Uint8Array.from(count),
    ...pairs,
    bytes.subarray(map.end),
  ])
}

test('trailers that promise more than there is are refused', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 4, maxLength: 8 }),
      fc.nat(0x7fffffff),
      (trailer, packBytes) => {
        const decoder = {
          ...BINARY_FORMATS.frame,
          decode: () => decodePackTrailer(trailer, packBytes),
        }
        const decoded = tryDecode(decoder as unknown as Format<number>, trailer)
        if (decoded !== undefined) expect(decoded.value).toBeLessThanOrEqual(packBytes - 36)
      },
    ),
  )
})

test('a prefix of another kind is foreign', () => {
  fc.assert(
    fc.property(values.prefix, (prefix) => {
      const other = prefix.kind === 'lease' ? 'mark' : 'lease'
      expect(expectPrefix(encodePrefix(prefix), prefix.kind)).toEqual(prefix)
      expect(() => expectPrefix(encodePrefix(prefix), other)).toThrow(
        expect.objectContaining({ code: 'object-foreign' }),
      )
    }),
  )
})
