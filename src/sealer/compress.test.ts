import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { noise } from '../../test/repositories/sample.ts'
import { concat, utf8 } from '../base/bytes.ts'
import { CODEC } from '../format/frame.ts'
import { type CompressionLevel, compress, decompress } from './compress.ts'

const TEXT = utf8('All work and no play makes Jack a dull boy. '.repeat(2000))
const LEVELS: readonly CompressionLevel[] = ['off', ...Array.from({ length: 19 }, (_, i) => i + 1)]

test.each(LEVELS)('what is compressed at level %s comes back', (level) => {
  for (const plaintext of [
    TEXT,
    noise(50_000),
    new Uint8Array(0),
    Uint8Array.of(1),
    concat([noise(40_000), TEXT]),
  ]) {
    const compressed = compress(plaintext, level)
    expect(Buffer.compare(decompress(compressed, plaintext.length), plaintext)).toBe(0)
    expect(compressed.data.length).toBeLessThanOrEqual(plaintext.length)
  }
})

test('what compresses is compressed, into one frame that any zstd opens', () => {
  const { codec, data } = compress(TEXT, 3)
  expect(codec).toBe(CODEC.zstd)
  expect(data.length).toBeLessThan(TEXT.length / 100)
  expect(Buffer.compare(zstdDecompressSync(data), TEXT)).toBe(0)
})

test.each([100, 5000, 32_768, 500_000])('%i bytes of noise are stored as they are', (length) => {
  const plaintext = noise(length)
  const { codec, data } = compress(plaintext, 3)
  expect(codec).toBe(CODEC.stored)
  expect(data).toBe(plaintext)
})

test('noise that repeats is compressed all the same', () => {
  const block = noise(4096)
  const { codec, data } = compress(concat(Array.from({ length: 100 }, () => block)), 3)
  expect(codec).toBe(CODEC.zstd)
  expect(data.length).toBeLessThan(10_000)
})

test('a part that compresses is found among noise', () => {
  const mixed = concat([noise(100_000), new Uint8Array(300_000), noise(100_000, 2)])
  expect(compress(mixed, 3).codec).toBe(CODEC.zstd)
})

test('with compression off nothing is compressed', () => {
  expect(compress(TEXT, 'off').codec).toBe(CODEC.stored)
})

test('a frame that asks for more memory than any of ours is refused', () => {
  // Magic number, a window of 2^log bytes, and one raw block, the last, of five bytes.
  const withWindow = (log: number) =>
    concat([
      Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, (log - 10) << 3, (5 << 3) | 1, 0, 0),
      utf8('hello'),
    ])
  expect(decompress({ codec: CODEC.zstd, data: withWindow(25) }, 5)).toEqual(utf8('hello'))
  for (const log of [26, 27, 31]) {
    const data = withWindow(log)
    expect(() => decompress({ codec: CODEC.zstd, data }, 5)).toThrow(/^Cannot decompress/)
  }
})

test('more content than was announced is refused, without making it', () => {
  const bomb = zstdCompressSync(new Uint8Array(64 << 20))
  expect(bomb.length).toBeLessThan(10_000)
  const before = process.memoryUsage().arrayBuffers
  expect(() => decompress({ codec: CODEC.zstd, data: bomb }, 1000)).toThrow(/^Cannot decompress/)
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 << 20)
})

test.each([0, 1, TEXT.length - 1, TEXT.length + 1])(
  'another length than announced (%i) is refused',
  (rawBytes) => {
    const wrong = { code: 'object-damaged' }
    for (const level of [3, 'off'] as const) {
      expect(() => decompress(compress(TEXT, level), rawBytes)).toThrow(
        expect.objectContaining(wrong),
      )
    }
  },
)

test('a frame is exactly one zstd frame: anything behind it is refused, another one too', () => {
  const skippable = Uint8Array.of(0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 7)
  const empty = zstdCompressSync(new Uint8Array(0))
  for (const plaintext of [TEXT, Uint8Array.of(1, 2), new Uint8Array(0)]) {
    const frame = zstdCompressSync(plaintext)
    expect(decompress({ codec: CODEC.zstd, data: frame }, plaintext.length)).toHaveLength(
      plaintext.length,
    )
    for (const more of [Uint8Array.of(0), utf8('junk behind it'), skippable, empty, frame]) {
      const data = concat([frame, more])
      expect(() => decompress({ codec: CODEC.zstd, data }, plaintext.length)).toThrow(
        /^Cannot decompress/,
      )
    }
    const data = concat([skippable, frame])
    expect(() => decompress({ codec: CODEC.zstd, data }, plaintext.length)).toThrow(
      /^Cannot decompress/,
    )
  }
})

test('an unknown codec is not supported, and noise is damaged', () => {
  const unknown = { codec: 2, data: TEXT }
  expect(() => decompress(unknown, TEXT.length)).toThrow(
    expect.objectContaining({ code: 'unsupported' }),
  )
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (data) => {
      try {
        expect(decompress({ codec: CODEC.zstd, data }, 100)).toHaveLength(100)
      } catch (error) {
        expect(error).toMatchObject({ code: 'object-damaged' })
      }
    }),
  )
})
