import { expect, test } from 'vitest'
import { uint16At, uint32At } from './bytes.ts'

test('numbers are read with their lowest byte first, and are never negative', () => {
  const bytes = Uint8Array.of(9, 0xfe, 0xff, 0xfd, 0xff, 9)
  expect(uint16At(bytes, 1)).toBe(0xfffe)
  expect(uint32At(bytes, 1)).toBe(0xfffdfffe)
})
