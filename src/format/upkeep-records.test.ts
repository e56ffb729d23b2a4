import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as values from '../../test/format/values.ts'
import { type Bytes, toHex } from '../base/bytes.ts'
import { type Codec, decode, encode } from './codec.ts'
import {
  FORGOTTEN_MAX,
  LOST_IDS_MAX,
  MARKED_NAMES_MAX,
  PACK_FRAMES_MAX,
  SIGHTED_MAX,
  SNAPSHOT_BYTES_MAX,
  TEXT_BYTES_MAX,
} from './limits.ts'
import {
  type Forgotten,
  forgetCodec,
  holdCodec,
  lossCodec,
  renewalCodec,
  sightingCodec,
} from './upkeep-records.ts'

const damaged = expect.objectContaining({ code: 'object-damaged' }) as unknown as Error
const unsupported = expect.objectContaining({ code: 'unsupported' }) as unknown as Error
const HASH: Bytes = new Uint8Array(32).fill(7)
const forgotten: Forgotten = {
  snapshot: HASH,
  sourceId: new Uint8Array(16).fill(5),
  sequence: 2,
  isConfirmed: true,
  predecessor: undefined,
  object: undefined,
}

const again = <T>(codec: Codec<T>, value: T): T => decode(codec, encode(codec, value))

test.each<[string, Codec<unknown>, fc.Arbitrary<unknown>]>([
  ['forget record', forgetCodec, values.forget],
  ['sighting', sightingCodec, values.sighting],
  ['hold', holdCodec, values.hold],
  ['renewal', renewalCodec, values.renewal],
  ['loss', lossCodec, values.loss],
])('a %s comes back as it went in', (_, codec, value) => {
  fc.assert(
    fc.property(value, (one) => {
      expect(again(codec, one)).toEqual(one)
    }),
  )
})

describe('bytes that docs/format.md promises', () => {
  const hex = (bytes: string, count: number) => bytes.repeat(count)

  test('of a forget record: confirmed is 0 or 1, and the object is left out where it is gone', () => {
    const head = `015820${hex('07', 32)}0250${hex('05', 16)}0302`
    const bytes = encode(forgetCodec, {
      snapshots: [
        { ...forgotten, object: Uint8Array.of(0xff) },
        { ...forgotten, isConfirmed: false },
      ],
      forgottenMs: 9,
    })
    expect(toHex(bytes)).toBe(`a20182a5${head}04010541ffa4${head}04000209`)
    const other = toHex(bytes).replace('0401', '0402')
    expect(() => decode(forgetCodec, Buffer.from(other, 'hex'))).toThrow(unsupported)
  })

  test('of a sighting', () => {
    const sighted = { snapshots: [{ snapshot: HASH, receivedMs: 1 }] }
    const bytes = encode(sightingCodec, { ...sighted, moved: [{ pack: HASH, receivedMs: [2, 3] }] })
    const named = `a2015820${hex('07', 32)}02`
    expect(toHex(bytes)).toBe(`a20181${named}010281${named}820203`)
  })

  test('of a hold, a renewal and a loss', () => {
    const named = `5820${hex('07', 32)}`
    const hold = { snapshots: [HASH], releases: [HASH], reason: 'a', heldMs: 4 }
    expect(toHex(encode(holdCodec, hold))).toBe(`a40181${named}0281${named}0361610404`)
    expect(toHex(encode(renewalCodec, { packs: [HASH], renewedMs: 4 }))).toBe(`a20181${named}0204`)
    expect(toHex(encode(lossCodec, { ids: [HASH], foundMs: 4 }))).toBe(`a20181${named}0204`)
  })
})

/** As many of the same as are asked for. */
const many = <T>(count: number, item: T): readonly T[] => Array<T>(count).fill(item)

describe('maxima', () => {
  const sighted = { snapshot: HASH, receivedMs: 1 }
  const moved = { pack: HASH, receivedMs: [1] }
  const hold = { snapshots: [], releases: [], reason: '', heldMs: 1 }

  test.each<[string, number, (count: number) => unknown]>([
    [
      'snapshots in a forget record',
      FORGOTTEN_MAX,
      (n) => again(forgetCodec, { snapshots: many(n, forgotten), forgottenMs: 1 }),
    ],
    [
      'bytes of a snapshot that is kept',
      SNAPSHOT_BYTES_MAX,
      (n) => {
        const snapshots = [{ ...forgotten, object: new Uint8Array(n) }]
        return again(forgetCodec, { snapshots, forgottenMs: 1 })
      },
    ],
    [
      'snapshots in a sighting',
      SIGHTED_MAX,
      (n) => again(sightingCodec, { snapshots: many(n, sighted), moved: [] }),
    ],
    [
      'packs in a sighting',
      SIGHTED_MAX,
      (n) => again(sightingCodec, { snapshots: [], moved: many(n, moved) }),
    ],
    [
      'frames of a pack in a sighting',
      PACK_FRAMES_MAX,
      (n) =>
        again(sightingCodec, { snapshots: [], moved: [{ pack: HASH, receivedMs: many(n, 1) }] }),
    ],
    [
      'snapshots in a hold',
      MARKED_NAMES_MAX,
      (n) => again(holdCodec, { ...hold, snapshots: many(n, HASH) }),
    ],
    [
      'holds that one releases',
      MARKED_NAMES_MAX,
      (n) => again(holdCodec, { ...hold, releases: many(n, HASH) }),
    ],
    [
      'bytes of a reason',
      TEXT_BYTES_MAX,
      (n) => again(holdCodec, { ...hold, reason: 'a'.repeat(n) }),
    ],
    [
      'packs in a renewal',
      MARKED_NAMES_MAX,
      (n) => again(renewalCodec, { packs: many(n, HASH), renewedMs: 1 }),
    ],
    ['ids in a loss', LOST_IDS_MAX, (n) => again(lossCodec, { ids: many(n, HASH), foundMs: 1 })],
  ])('%s: so many are read, and one more is refused', (_, max, build) => {
    expect(build(max)).toBeDefined()
    expect(() => build(max + 1)).toThrow(damaged)
  })
})
