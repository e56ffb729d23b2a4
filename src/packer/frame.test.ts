import fc from 'fast-check'
import { expect, test } from 'vitest'
import { noise } from '../../test/repositories/sample.ts'
import { concat, toHex, utf8 } from '../base/bytes.ts'
import { frameTableBytes, writeFrameTable } from '../format/frame.ts'
import { blobId } from '../format/ids.ts'
import { compress } from '../sealer/compress.ts'
import { Seal } from '../sealer/seal.ts'
import { openFrame, sealFrame } from './frame.ts'
import { FRAME_BUILDER_BYTES, FRAME_TARGET_BYTES, FrameBuilder } from './frame-builder.ts'

const seal = { seal: new Seal(new Uint8Array(32)), aad: utf8('aad') }

test('blobs that are gathered, sealed and opened are what they were', () => {
  const blobs = fc.array(fc.uint8Array({ maxLength: 2000 }), { minLength: 1, maxLength: 40 })
  const builder = new FrameBuilder(new Uint8Array(FRAME_BUILDER_BYTES))
  fc.assert(
    fc.property(blobs, fc.constantFrom<'off' | number>('off', 1, 3), (all, level) => {
      all.forEach((blob, i) => {
        builder.add(blobId(new Uint8Array(32).fill(i)), blob)
      })
      const { plaintext, ids, blobCount } = builder.close()
      const rawBytes = plaintext.length
      expect(blobCount).toBe(all.length)
      expect(ids[32 * (all.length - 1)]).toBe(all.length - 1)
      const sealed = sealFrame(plaintext, { ...seal, level })
      const opened = openFrame(sealed, { ...seal, rawBytes })
      expect(opened.map(toHex)).toEqual(all.map(toHex))
      expect(builder.isEmpty).toBe(true)
    }),
  )
})

test('a frame is full at its target, or with very many blobs', () => {
  const builder = new FrameBuilder(new Uint8Array(FRAME_BUILDER_BYTES))
  builder.add(blobId(new Uint8Array(32)), new Uint8Array(FRAME_TARGET_BYTES - 1))
  expect(builder.isFull).toBe(false)
  builder.add(blobId(new Uint8Array(32)), new Uint8Array(FRAME_TARGET_BYTES - 1))
  expect(builder.isFull).toBe(true)
  builder.close()
  for (let i = 0; i < 4096; i++) builder.add(blobId(new Uint8Array(32)), new Uint8Array(1))
  expect(builder.isFull).toBe(true)
  expect(builder.close().blobCount).toBe(4096)
})

function plaintextOf(blob: Uint8Array): Uint8Array {
  const table = new Uint8Array(frameTableBytes(1))
  writeFrameTable(table, { offset: 0, lengths: [blob.length] })
  return concat([table, blob])
}

test('a frame with another length than announced, another key or another place is refused', () => {
  const plaintext = plaintextOf(noise(1000))
  const rawBytes = plaintext.length
  const sealed = sealFrame(plaintext, { ...seal, level: 3 })
  const damaged = expect.objectContaining({ code: 'object-damaged' }) as unknown as Error
  const wrong = [
    { rawBytes: rawBytes - 1 },
    { rawBytes: rawBytes + 1 },
    { aad: utf8('other') },
    { seal: new Seal(new Uint8Array(32).fill(1)) },
  ]
  for (const change of wrong) {
    expect(() => openFrame(sealed, { ...seal, rawBytes, ...change })).toThrow(damaged)
  }
  const flipped = sealed.slice()
  flipped[500] = (flipped[500] as number) ^ 1
  expect(() => openFrame(flipped, { ...seal, rawBytes })).toThrow(damaged)
})

test('a codec that is not known, and a frame without one, are refused', () => {
  const { data } = compress(plaintextOf(noise(100)), 'off')
  const unknown = seal.seal.seal(seal.aad, Uint8Array.of(9), data)
  expect(() => openFrame(unknown, { ...seal, rawBytes: data.length })).toThrow(/codec 9 is unknown/)
  const empty = seal.seal.seal(seal.aad)
  expect(() => openFrame(empty, { ...seal, rawBytes: 0 })).toThrow(/a frame is empty/)
})
