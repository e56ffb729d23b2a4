import { expect, test } from 'vitest'
import { formatBytes, formatCount, formatNumber, parseBytes } from './sizes.ts'

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '0.98 KiB'],
  [1024, '1.00 KiB'],
  [118_435_294, '113 MiB'],
  [1024 ** 2 - 1, '1.00 MiB'],
  [10 * 1024 ** 3, '10.0 GiB'],
  [3 * 1024 ** 6, '3072 PiB'],
])('shows %d bytes as %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text)
})

test.each([
  ['0', 0],
  ['500', 500],
  ['500B', 500],
  ['10K', 10_240],
  ['10k', 10_240],
  ['1.5M', 1_572_864],
  ['2 GiB', 2 * 1024 ** 3],
  ['2GB', 2_000_000_000],
  ['1T', 1024 ** 4],
])('reads %s as %d bytes', (text, bytes) => {
  expect(parseBytes(text)).toBe(bytes)
})

test.each(['', '-1', '1e3', '10X', 'M', '1,5M', '9999999999P', '0x10'])('%s is no size', (text) => {
  expect(parseBytes(text)).toBeUndefined()
})

test('counts have commas, and nouns their number', () => {
  expect([1, 999, 1000, 1_234_567].map(formatCount)).toEqual(['1', '999', '1,000', '1,234,567'])
  expect(formatNumber(1, 'file')).toBe('1 file')
  expect(formatNumber(0, 'entry', 'entries')).toBe('0 entries')
})
