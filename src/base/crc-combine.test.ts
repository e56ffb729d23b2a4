import fc from 'fast-check'
import { expect, test } from 'vitest'
import { crc32Combine, crc32OfZeros } from './crc-combine.ts'
import { crc32 } from './hash.ts'

test('combining the CRCs of two parts gives the CRC of the whole', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 5000 }), fc.uint8Array({ maxLength: 5000 }), (a, b) => {
      const whole = Buffer.concat([a, b])
      expect(crc32Combine(crc32(a), crc32(b), b.length)).toBe(crc32(whole))
    }),
  )
})

test('zeros need not be read to be counted', () => {
  for (const length of [0, 1, 7, 4096, 100_003]) {
    expect(crc32OfZeros(length)).toBe(crc32(new Uint8Array(length)))
  }
})
