import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromHex, toHex } from '../base/bytes.ts'
import {
  array,
  bytes,
  choice,
  decode,
  encode,
  optional,
  record,
  repeatingBytes,
  required,
  text,
  time,
  uint,
} from './codec.ts'
import { TIME_MS_MAX } from './limits.ts'

interface Thing {
  readonly size: number
  readonly kind: 'a' | 'b'
  readonly label: string | undefined
  readonly parts: readonly Uint8Array[]
}

const thing = record<Thing>({
  size: required(1, uint(1000)),
  kind: required(2, choice({ a: 1, b: 2 })),
  label: optional(4, text(10)),
  parts: required(9, array(bytes(4), 3)),
})

const arbitrary = fc.record<Thing>({
  size: fc.nat(1000),
  kind: fc.constantFrom('a', 'b'),
  label: fc.option(fc.stringMatching(/^[a-zé]{0,5}$/), { nil: undefined }),
  parts: fc.array(fc.uint8Array({ maxLength: 4 }), { maxLength: 3 }),
})

const codeOf = (hex: string): string => {
  try {
    decode(thing, fromHex(hex) as Uint8Array)
    return 'fine'
  } catch (error) {
    return (error as { code: string }).code
  }
}

test('a record comes back, and the same is always encoded the same', () => {
  fc.assert(
    fc.property(arbitrary, (value) => {
      const encoded = encode(thing, value)
      expect(decode(thing, encoded)).toEqual(value)
      const { parts, label, kind, size } = value
      expect(toHex(encode(thing, { parts, label, kind, size }))).toBe(toHex(encoded))
    }),
  )
})

test.each([
  ['a3010502010980', 'fine'],
  // Keys that are missing, twice, or out of order.
  ['a201050201', 'object-damaged'],
  ['a4010501050201', 'object-damaged'],
  ['a3020101050980', 'object-damaged'],
  // A key, or a value of a choice, that a later version may know.
  ['a4010502010300' + '0980', 'unsupported'],
  ['a401050201098018c800', 'unsupported'],
  ['a3010502030980', 'unsupported'],
  // Beyond a maximum.
  ['a3011903e902010980', 'object-damaged'],
  ['a3010502010984' + '40404040', 'object-damaged'],
  ['a301050201098145' + '0000000000', 'object-damaged'],
  // Cut off, prolonged, of another type.
  ['a30105020109', 'object-damaged'],
  ['a301050201098000', 'object-damaged'],
  ['80', 'object-damaged'],
])('%s is %s', (hex, code) => {
  expect(codeOf(hex)).toBe(code)
})

test('what is read is a copy that keeps nothing of the whole object', () => {
  const encoded = encode(array(bytes(4), 1), [Uint8Array.of(1, 2, 3)])
  const [part] = decode(array(bytes(4), 1), encoded)
  expect(part?.buffer.byteLength).toBe(3)
})

test('bytes that repeat come back as what they are, and the same ones as the same object', () => {
  const repeating = array(repeatingBytes(4), 100)
  const few = fc.array(fc.uint8Array({ maxLength: 4, max: 1 }), { maxLength: 20 })
  fc.assert(
    fc.property(few, (values) => {
      const encoded = encode(repeating, values)
      expect(encoded).toEqual(encode(array(bytes(4), 100), values))
      const decoded = decode(repeating, encoded)
      expect(decoded).toEqual(values)
      decoded.forEach((value, i) => {
        const before = decoded[i - 1]
        if (i > 0 && toHex(before as Uint8Array) === toHex(value)) expect(value).toBe(before)
      })
      encoded.fill(9)
      expect(decoded).toEqual(values)
    }),
  )
  const cut = encode(repeating, [Uint8Array.of(1, 2), Uint8Array.of(1, 2)]).subarray(0, -1)
  expect(() => decode(repeating, cut)).toThrow(/ends too early/)
  const long = encode(array(bytes(5), 1), [new Uint8Array(5)])
  expect(() => decode(repeating, long)).toThrow(/more than the maximum of 4/)
})

test('a time is one that a Date can be', () => {
  expect(decode(time, encode(time, TIME_MS_MAX))).toBe(TIME_MS_MAX)
  expect(new Date(TIME_MS_MAX).getTime()).toBe(TIME_MS_MAX)
  for (const ms of [TIME_MS_MAX + 1, Number.MAX_SAFE_INTEGER])
    expect(() => decode(time, encode(time, ms))).toThrow('more than the maximum')
})
