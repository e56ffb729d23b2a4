import { expect, test } from 'vitest'
import { type Bytes, concat, toHex } from '../base/bytes.ts'
import { decodeOrigin, encodeOrigin } from './origin.ts'
import { encodePrefix, NO_DOMAIN, PREFIX_BYTES } from './prefix.ts'

const origin = { packs: Uint32Array.of(1, 0xfedcba98), syncedMs: 5 }

/** The same with other bytes behind the prefix. */
function withBody(body: Bytes, { domain = NO_DOMAIN, epoch = 0 } = {}): Bytes {
  return concat([encodePrefix({ kind: 'origin', domain, epoch }), body])
}

function bodyOf(packs: string): Bytes {
  const bytes = Buffer.from(packs, 'hex')
  return Uint8Array.from([0xa2, 0x01, 0x40 + bytes.length, ...bytes, 0x02, 0x05])
}

test('an origin record is its prefix and a map: the beginnings of names in their order, and a time', () => {
  const object = encodeOrigin(origin)
  expect(toHex(object.subarray(0, PREFIX_BYTES))).toBe(`636169726e0a110101000000${'00'.repeat(20)}`)
  expect(toHex(object.subarray(PREFIX_BYTES))).toBe('a20148' + '00000001fedcba98' + '0205')
  expect(decodeOrigin(object)).toEqual(origin)
  expect(decodeOrigin(encodeOrigin({ packs: new Uint32Array(0), syncedMs: 0 })).packs).toHaveLength(
    0,
  )
})

test.each([
  ['a name that is cut off', withBody(bodyOf('000000'))],
  ['names in another order', withBody(bodyOf('0000000200000001'))],
  ['a name twice', withBody(bodyOf('0000000100000001'))],
  ['a domain', withBody(bodyOf(''), { domain: new Uint8Array(16).fill(1) })],
  ['an epoch', withBody(bodyOf(''), { epoch: 1 })],
  ['more behind it', withBody(concat([bodyOf(''), Uint8Array.of(0)]))],
  ['nothing behind the prefix', withBody(new Uint8Array(0))],
])('with %s it is damaged', (_, object) => {
  expect(() => decodeOrigin(object)).toThrow(expect.objectContaining({ code: 'object-damaged' }))
})

test('of another kind it is foreign', () => {
  const hold = concat([encodePrefix({ kind: 'hold', domain: NO_DOMAIN, epoch: 0 }), bodyOf('')])
  expect(() => decodeOrigin(hold)).toThrow(expect.objectContaining({ code: 'object-foreign' }))
})
