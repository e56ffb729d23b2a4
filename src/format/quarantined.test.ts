import { describe, expect, test } from 'vitest'
import { type Bytes, concat, toHex, utf8 } from '../base/bytes.ts'
import { QUARANTINED_NAME_BYTES_MAX } from './limits.ts'
import { encodePrefix, NO_DOMAIN, PREFIX_BYTES } from './prefix.ts'
import {
  decodeQuarantined,
  decodeQuarantinedHead,
  encodeQuarantined,
  QUARANTINED_HEAD_BYTES_MAX,
} from './quarantined.ts'

const damaged = expect.objectContaining({ code: 'object-damaged' }) as unknown as Error
const foreign = expect.objectContaining({ code: 'object-foreign' }) as unknown as Error
const prefix = encodePrefix({ kind: 'quarantined', domain: NO_DOMAIN, epoch: 0 })

function withName(name: Bytes, length = name.length): Bytes {
  return concat([prefix, Uint8Array.of(length & 0xff, length >> 8), name])
}

test('it is a prefix, the length of a name, the name, and the bytes as they were found', () => {
  const domain = new Uint8Array(16).fill(3)
  const parts = encodeQuarantined({ domain, name: 'config/00000001', bytes: Uint8Array.of(7, 8) })
  const object = concat(parts)
  expect(toHex(object)).toBe(
    `636169726e0a100101000000${'03'.repeat(16)}000000000f00636f6e6669672f303030303030303107` + '08',
  )
  const quarantined = { domain, name: 'config/00000001', bytes: Uint8Array.of(7, 8) }
  expect(decodeQuarantined(object)).toEqual(quarantined)
})

test('nothing may have been found, and what was is not copied', () => {
  const bytes = new Uint8Array(0)
  expect(
    decodeQuarantined(concat(encodeQuarantined({ domain: NO_DOMAIN, name: 'a', bytes }))),
  ).toEqual({ domain: NO_DOMAIN, name: 'a', bytes })
  const found = Uint8Array.of(1)
  expect(encodeQuarantined({ domain: NO_DOMAIN, name: 'a', bytes: found }).at(-1)).toBe(found)
})

test('the head is read without the rest', () => {
  const name = 'n'.repeat(QUARANTINED_NAME_BYTES_MAX)
  const object = concat(encodeQuarantined({ domain: NO_DOMAIN, name, bytes: new Uint8Array(1000) }))
  expect(decodeQuarantinedHead(object.subarray(0, QUARANTINED_HEAD_BYTES_MAX)).name).toBe(name)
})

describe('refused', () => {
  test('at every length that is too short for its name', () => {
    const object = withName(utf8('marks/1'))
    expect(decodeQuarantined(object).name).toBe('marks/1')
    for (let length = 0; length < object.length; length++)
      expect(() => decodeQuarantined(object.subarray(0, length)), `${length} bytes`).toThrow(
        damaged,
      )
    expect(PREFIX_BYTES + 2 + 7).toBe(object.length)
  })

  test.each([
    ['empty', withName(new Uint8Array(0))],
    ['longer than any', withName(new Uint8Array(1000).fill(0x61))],
    ['of which more is said than is there', withName(utf8('abc'), 4)],
    ['with a line feed', withName(utf8('a\nb'))],
    ['with a byte that is no ASCII', withName(Uint8Array.of(0x61, 0xe9))],
  ])('a name that is %s', (_what, object) => {
    expect(() => decodeQuarantined(object)).toThrow(damaged)
  })

  test('an epoch, which it has no use for', () => {
    const other = encodePrefix({ kind: 'quarantined', domain: NO_DOMAIN, epoch: 1 })
    const object = concat([other, withName(utf8('abc')).subarray(PREFIX_BYTES)])
    expect(() => decodeQuarantined(object)).toThrow(damaged)
  })

  test('an object of another kind', () => {
    const other = encodePrefix({ kind: 'mark', domain: NO_DOMAIN, epoch: 0 })
    expect(() => decodeQuarantined(other)).toThrow(foreign)
  })

  test('to be written under a name that is none', () => {
    const found = { domain: NO_DOMAIN, bytes: new Uint8Array(0) }
    expect(() => encodeQuarantined({ ...found, name: '' })).toThrow(damaged)
    expect(() => encodeQuarantined({ ...found, name: 'a'.repeat(89) })).toThrow(damaged)
  })
})
