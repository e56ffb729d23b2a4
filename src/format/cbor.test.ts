import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromHex, toHex } from '../base/bytes.ts'
import { CborReader, CborWriter, type Wide } from './cbor.ts'

function written(write: (writer: CborWriter) => void): string {
  const writer = new CborWriter(1)
  write(writer)
  return toHex(writer.finish())
}

const reader = (hex: string) => new CborReader(fromHex(hex) as Uint8Array)
const damaged = expect.objectContaining({ code: 'object-damaged' }) as unknown as Error

// RFC 8949, appendix A.
const INTEGERS: readonly [Wide, string][] = [
  [0, '00'],
  [1, '01'],
  [10, '0a'],
  [23, '17'],
  [24, '1818'],
  [25, '1819'],
  [100, '1864'],
  [1000, '1903e8'],
  [1_000_000, '1a000f4240'],
  [1_000_000_000_000, '1b000000e8d4a51000'],
  [9_223_372_036_854_775_807n, '1b7fffffffffffffff'],
  [-9_223_372_036_854_775_808n, '3b7fffffffffffffff'],
  [-1, '20'],
  [-10, '29'],
  [-100, '3863'],
  [-1000, '3903e7'],
]

test.each(INTEGERS)('%s is written and read as RFC 8949 says', (value, hex) => {
  expect(written((writer) => writer.int(value))).toBe(hex)
  expect(reader(hex).wideInt()).toBe(value)
})

test('an unsigned integer may have all 64 bits, one with a sign 63', () => {
  expect(written((writer) => writer.uint(2n ** 64n - 1n))).toBe('1bffffffffffffffff')
  expect(reader('1bffffffffffffffff').wideUint()).toBe(2n ** 64n - 1n)
  expect(reader('1b8000000000000000').wideUint()).toBe(2n ** 63n)
  expect(() => reader('1b8000000000000000').wideInt()).toThrow(/above 2\^63 - 1/)
})

test('strings, arrays and maps are written and read as RFC 8949 says', () => {
  const bytes = fromHex('01020304') as Uint8Array
  expect(written((writer) => writer.bytes(bytes))).toBe('4401020304')
  expect(written((writer) => writer.text('ü水'))).toBe('65c3bce6b0b4')
  expect(written((writer) => writer.array(25))).toBe('9819')
  expect(written((writer) => writer.map(2))).toBe('a2')
  expect(toHex(reader('4401020304').bytes(4))).toBe('01020304')
  expect(reader('65c3bce6b0b4').text(5)).toBe('ü水')
  expect(reader('a201020304').map(2)).toBe(2)
})

test('every integer of 64 bits comes back, exact, in its shortest form', () => {
  const wide = fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
    fc.integer().map(BigInt),
    fc.constantFrom(2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n), -(2n ** 53n) - 1n),
    fc.constantFrom(-(2n ** 63n), 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 32n),
  )
  fc.assert(
    fc.property(wide, (value) => {
      const hex = written((writer) => writer.int(value))
      const read = value < 2n ** 63n ? reader(hex).wideInt() : reader(hex).wideUint()
      expect(BigInt(read)).toBe(value)
      expect(typeof read === 'number').toBe(
        Number.isSafeInteger(Number(value)) && BigInt(Number(value)) === value,
      )
      const magnitude = value < 0 ? -1n - value : value
      const bytes =
        magnitude < 24n
          ? 1
          : magnitude < 256n
            ? 2
            : magnitude < 65_536n
              ? 3
              : magnitude < 2n ** 32n
                ? 5
                : 9
      expect(hex.length / 2).toBe(bytes)
    }),
  )
})

test.each([
  ['1800', 'a number in two bytes that fits in one'],
  ['1817', 'a number in two bytes that fits in one'],
  ['190001', 'a number in three bytes that fits in one'],
  ['1a0000ffff', 'a number in five bytes that fits in three'],
  ['1b00000000ffffffff', 'a number in nine bytes that fits in five'],
  ['1c', 'a reserved head'],
  ['1f', 'a head of indefinite length'],
  ['', 'nothing'],
  ['18', 'a head that is cut off'],
  ['1b00000001000000', 'a head that is cut off'],
  ['f4', 'false'],
  ['f97e00', 'a float'],
  ['c000', 'a tag'],
  ['3bffffffffffffffff', 'less than -2^63'],
  ['3b8000000000000000', 'less than -2^63 by one'],
  ['1bffffffffffffffff', 'more than 2^63 - 1'],
  ['1b8000000000000000', 'more than 2^63 - 1 by one'],
])('%s is refused: %s', (hex) => {
  expect(() => reader(hex).wideInt()).toThrow(damaged)
})

test('a length is checked against its maximum, and against what is left, before anything is made', () => {
  expect(() => reader('5b7fffffffffffffff').bytes(2 ** 40)).toThrow(damaged)
  expect(() => reader('4401020304').bytes(3)).toThrow(/maximum of 3/)
  expect(() => reader('44010203').bytes(4)).toThrow(/ends too early/)
  expect(() => reader('9a00ffffff00').array(2 ** 30)).toThrow(/ends too early/)
  expect(() => reader('ba0000000300000000').map(3)).toThrow(damaged)
  expect(() => reader('a3000000').map(3)).toThrow(/ends too early/)
  expect(() => reader('62c328').text(2)).toThrow(/not UTF-8/)
  expect(() => reader('63edA080'.toLowerCase()).text(3)).toThrow(/not UTF-8/)
  expect(() => reader('4101').fixedBytes(2)).toThrow(damaged)
  expect(() => reader('1864').uint(99)).toThrow(/maximum of 99/)
  expect(() => reader('1b0020000000000000').uint()).toThrow(damaged)
  expect(() => reader('0000').end()).toThrow(/left over/)
})

test('what CBOR cannot carry is our own bug', () => {
  for (const value of [-1, 1.5, Number.NaN, 2 ** 53, 2n ** 64n, -1n]) {
    expect(() => written((writer) => writer.uint(value))).toThrow(/Bug in Cairn/)
  }
})
