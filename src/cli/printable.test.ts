import fc from 'fast-check'
import { expect, test } from 'vitest'
import { utf8 } from '../base/bytes.ts'
import { nameText } from '../source/files/name-text.ts'
import { jsonPath, printable } from './printable.ts'
import { bytesOfArgument, escapedArguments, splitAtZeros } from './raw-arguments.ts'

test.each([
  ['plain', 'plain'],
  ['größe 文', 'größe 文'],
  ['two\nlines', 'two\\nlines'],
  ['\u001b[31mred', '\\x1b[31mred'],
  ['back\\slash', 'back\\\\slash'],
  ['right\u202Eto left', 'right\\u202eto left'],
  ['\u009b', '\\x9b'],
])('%j is shown as %s', (name, shown) => {
  expect(printable(utf8(name))).toBe(shown)
})

test('bytes that are no text are shown as such, and told to programs exactly', () => {
  const name = Uint8Array.of(0x61, 0xff, 0x62)
  expect(printable(name)).toBe('a\\xffb')
  expect(jsonPath(name)).toEqual({ path: 'a\\xffb', pathBytes: 'Yf9i' })
  expect(jsonPath(utf8('a\nb'))).toEqual({ path: 'a\nb' })
})

test('different names are never shown alike, and nothing reaches the terminal', () => {
  const name = fc.uint8Array({ minLength: 1, maxLength: 12 })
  fc.assert(
    fc.property(name, name, (a, b) => {
      const same = Buffer.from(a).equals(Buffer.from(b))
      expect(printable(a) === printable(b)).toBe(same)
      expect(Array.from(printable(a)).every((character) => character >= ' ')).toBe(true)
    }),
  )
})

test('escaped arguments are the bytes that they were', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 20 }), (bytes) => {
      expect(bytesOfArgument(nameText(bytes))).toEqual(bytes)
    }),
  )
})

test('characters beyond U+FFFF are no escaped bytes, though half of one looks like it', () => {
  const text = '\u{10C80}\uDC80'
  expect(bytesOfArgument(text)).toEqual(Uint8Array.of(0xf0, 0x90, 0xb2, 0x80, 0x80))
})

test('arguments that lost nothing stay as they are', () => {
  const args = ['node', 'main.ts', 'backup', '/größe']
  expect(escapedArguments(args)).toBe(args)
})

test('a list of names that end in zero bytes', () => {
  expect(splitAtZeros(utf8('a\0b c\0'))).toEqual([utf8('a'), utf8('b c')])
  expect(splitAtZeros(utf8('a\0b'))).toEqual([utf8('a'), utf8('b')])
  expect(splitAtZeros(utf8(''))).toEqual([])
})
