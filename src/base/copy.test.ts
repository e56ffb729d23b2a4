import { describe, expect, it } from 'vitest'
import { copyTo } from './copy.ts'

function numbered(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7919) >> 3)
}

describe('copyTo', () => {
  for (const length of [0, 1, 100, 4095, 4096, 4097, 300_001]) {
    it(`copies ${length} bytes into shared memory and touches nothing around them`, () => {
      const shared = new Uint8Array(new SharedArrayBuffer(length + 200)).fill(0xee)
      const source = numbered(length + 33).subarray(33)
      copyTo(shared.subarray(77, 77 + length), source)
      expect(Buffer.compare(shared.slice(77, 77 + length), source)).toBe(0)
      expect(shared.slice(0, 77).every((byte) => byte === 0xee)).toBe(true)
      expect(shared.slice(77 + length).every((byte) => byte === 0xee)).toBe(true)
    })
  }

  it('copies into memory of one thread', () => {
    const target = new Uint8Array(10_000)
    copyTo(target.subarray(1000), numbered(9000))
    expect(Buffer.compare(target.subarray(1000), numbered(9000))).toBe(0)
  })

  it('copies between views of the same memory that do not overlap', () => {
    const memory = new Uint8Array(new SharedArrayBuffer(20_000))
    memory.set(numbered(10_000))
    copyTo(memory.subarray(10_000), memory.subarray(0, 10_000))
    expect(Buffer.compare(memory.slice(10_000), numbered(10_000))).toBe(0)
  })

  it('refuses a place of another length', () => {
    expect(() => copyTo(new Uint8Array(10), new Uint8Array(11))).toThrow('fills its place')
  })
})
