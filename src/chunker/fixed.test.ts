import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fixedChunks } from './fixed.ts'

test('cuts at every multiple, with what is left as the last chunk', () => {
  expect([...fixedChunks({ totalBytes: 10, chunkBytes: 4 })]).toEqual([
    { position: 0, length: 4 },
    { position: 4, length: 4 },
    { position: 8, length: 2 },
  ])
  expect([...fixedChunks({ totalBytes: 8, chunkBytes: 4 })]).toHaveLength(2)
  expect([...fixedChunks({ totalBytes: 0, chunkBytes: 4 })]).toEqual([])
})

test('chunks follow one another without gaps and add up to the input', () => {
  const sizes = fc.record({
    totalBytes: fc.nat({ max: 10_000 }),
    chunkBytes: fc.integer({ min: 1, max: 5000 }),
  })
  fc.assert(
    fc.property(sizes, (options) => {
      let position = 0
      for (const chunk of fixedChunks(options)) {
        expect(chunk.position).toBe(position)
        expect(chunk.length).toBeGreaterThan(0)
        position += chunk.length
      }
      expect(position).toBe(options.totalBytes)
    }),
  )
})

test('refuses chunks of no bytes', () => {
  expect(() => [...fixedChunks({ totalBytes: 8, chunkBytes: 0 })]).toThrow('Bug in Cairn')
})
