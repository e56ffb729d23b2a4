// The formats in columns: pack headers, index segments, frames; and the prefix before them all.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { concat, toHex } from '../base/bytes.ts'
import { decodeFrame, frameTableBytes, writeFrameTable } from './frame.ts'
import { decodeIndexSegment, encodeIndexSegment } from './index-segment.ts'
import {
  decodePackHeader,
  decodePackTrailer,
  ENCAPSULATION_BYTES,
  encodePackHeader,
  type Frame,
} from './pack.ts'
import { decodePrefix, encodePrefix, expectPrefix, KIND, type ObjectKind } from './prefix.ts'

const damaged = expect.objectContaining({ code: 'object-damaged' }) as unknown as Error
const unsupported = expect.objectContaining({ code: 'unsupported' }) as unknown as Error
const session = { epoch: 7, encapsulation: new Uint8Array(ENCAPSULATION_BYTES).fill(9) }

const frames = fc.array(
  fc.record<Frame>({
    session: fc.constant(0),
    offset: fc.integer({ min: 32, max: 1000 }),
    storedBytes: fc.nat(1000),
    rawBytes: fc.nat(1000),
    blobCount: fc.nat(4),
  }),
  { maxLength: 6 },
)

const blobsOf = (all: readonly Frame[]) => all.reduce((sum, { blobCount }) => sum + blobCount, 0)

test('a pack header comes back, with refs where it is one of trees', () => {
  fc.assert(
    fc.property(frames, fc.boolean(), (all, isTree) => {
      const blobs = blobsOf(all)
      const refCounts = Uint32Array.from({ length: isTree ? blobs : 0 }, (_, i) => i % 3)
      const refs = new Uint8Array(32 * refCounts.reduce((a, b) => a + b, 0)).fill(5)
      const header = {
        sessions: [session],
        frames: all,
        ids: new Uint8Array(32 * blobs),
        refCounts,
        refs,
      }
      const kind = isTree ? 'tree-pack' : 'data-pack'
      const encoded = encodePackHeader(header, kind)
      expect(decodePackHeader(encoded, kind)).toEqual(header)
      expect(() => decodePackHeader(encoded.subarray(0, -1), kind)).toThrow(damaged)
      expect(() => decodePackHeader(concat([encoded, Uint8Array.of(0)]), kind)).toThrow(damaged)
    }),
  )
})

test('a header whose numbers do not fit together is refused', () => {
  const frame = { session: 0, offset: 32, storedBytes: 10, rawBytes: 10, blobCount: 1 }
  const header = {
    sessions: [session],
    frames: [frame],
    ids: new Uint8Array(32),
    refCounts: new Uint32Array(0),
    refs: new Uint8Array(0),
  }
  const wrong = [
    { frames: [{ ...frame, session: 1 }] },
    { frames: [{ ...frame, offset: 31 }] },
    { frames: [{ ...frame, storedBytes: 2 ** 31 }] },
    { frames: [{ ...frame, rawBytes: 2 ** 25 }] },
    { frames: [{ ...frame, blobCount: 2 }] },
    { ids: new Uint8Array(64) },
    { ids: new Uint8Array(0) },
  ]
  for (const change of wrong) {
    const encoded = encodePackHeader({ ...header, ...change }, 'data-pack')
    expect(() => decodePackHeader(encoded, 'data-pack')).toThrow(damaged)
  }
  const refs = { refCounts: Uint32Array.of(2), refs: new Uint8Array(32) }
  const encoded = encodePackHeader({ ...header, ...refs }, 'tree-pack')
  expect(() => decodePackHeader(encoded, 'tree-pack')).toThrow(/refs do not add up/)
  const huge = encodePackHeader(header, 'data-pack')
  new DataView(huge.buffer).setUint32(4, 0xffffffff, true)
  expect(() => decodePackHeader(huge, 'data-pack')).toThrow(/more than the maximum/)
})

test('a trailer is plausible for its pack, or refused', () => {
  const trailer = Uint8Array.of(100, 0, 0, 0)
  expect(decodePackTrailer(trailer, 136)).toBe(100)
  expect(() => decodePackTrailer(trailer, 135)).toThrow(damaged)
  expect(() => decodePackTrailer(Uint8Array.of(255, 255, 255, 255), 2 ** 33)).toThrow(damaged)
})

test('an index segment comes back', () => {
  fc.assert(
    fc.property(frames, fc.nat(3), (all, superseded) => {
      const pack = {
        hash: new Uint8Array(32).fill(1),
        kind: 'tree-pack' as const,
        packBytes: 5000,
        headerBytes: 400,
        frameCount: all.length,
      }
      const segment = {
        supersedes: Array.from({ length: superseded }, (_, i) => new Uint8Array(32).fill(i)),
        packs: [pack],
        sessions: [session],
        frames: all,
        ids: new Uint8Array(32 * blobsOf(all)).fill(2),
      }
      const encoded = encodeIndexSegment(segment)
      expect(decodeIndexSegment(encoded)).toEqual(segment)
      const wrong = [
        { ...pack, frameCount: all.length + 1 },
        { ...pack, headerBytes: 5001 },
        { ...pack, packBytes: 2 ** 31 },
      ]
      for (const one of wrong) {
        expect(() => decodeIndexSegment(encodeIndexSegment({ ...segment, packs: [one] }))).toThrow(
          damaged,
        )
      }
    }),
  )
})

test('a frame is the blobs that its table says, to its last byte', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 8 }), (blobs) => {
      const table = new Uint8Array(frameTableBytes(blobs.length))
      writeFrameTable(table, { offset: 0, lengths: blobs.map((blob) => blob.length) })
      const plaintext = concat([table, ...blobs])
      expect(decodeFrame(plaintext).map(toHex)).toEqual(blobs.map(toHex))
      expect(() => decodeFrame(concat([plaintext, Uint8Array.of(0)]))).toThrow(damaged)
      expect(() => decodeFrame(plaintext.subarray(0, -1))).toThrow(damaged)
    }),
  )
  expect(() => decodeFrame(Uint8Array.of(255, 255, 255, 255))).toThrow(damaged)
})

test.each(Object.keys(KIND) as ObjectKind[])(
  'the prefix of a %s comes back, and is of no other kind',
  (kind) => {
    const prefix = { kind, domain: new Uint8Array(16).fill(3), epoch: 0xfffffffe }
    const encoded = encodePrefix(prefix)
    expect(toHex(encoded.subarray(0, 9))).toBe(
      `636169726e0a${toHex(Uint8Array.of(KIND[kind]))}0101`,
    )
    expect(decodePrefix(encoded)).toEqual(prefix)
    expect(expectPrefix(encoded, kind)).toEqual(prefix)
    const other = kind === 'mark' ? 'lease' : 'mark'
    expect(() => expectPrefix(encoded, other)).toThrow(/Expected an object of kind/)
  },
)

test('what is not begun as an object is damaged, and what a later version wrote is not supported', () => {
  const encoded = encodePrefix({ kind: 'index', domain: new Uint8Array(16), epoch: 1 })
  const changed = (at: number) => {
    const copy = encoded.slice()
    copy[at] = (copy[at] as number) ^ 0xff
    return copy
  }
  for (const at of [0, 1, 2, 3, 4, 5]) expect(() => decodePrefix(changed(at))).toThrow(damaged)
  for (const at of [6, 7, 8, 9, 10, 11])
    expect(() => decodePrefix(changed(at))).toThrow(unsupported)
  expect(() => decodePrefix(encoded.subarray(0, 31))).toThrow(damaged)
})
