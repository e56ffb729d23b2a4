import { expect, test } from 'vitest'
import { concat } from '../../base/bytes.ts'
import { writeAll } from './folder-calls.ts'

test('short writes of any length lose and repeat nothing', async () => {
  const parts = Array.from({ length: 1300 }, (_, i) => new Uint8Array(i % 5).fill(i))
  for (const limit of [1, 2, 3, 7, 100, 1_000_000]) {
    const written: Uint8Array[] = []
    const writev = (buffers: readonly Uint8Array[]) => {
      expect(buffers.length).toBeLessThanOrEqual(512)
      const some = concat(buffers).subarray(0, limit)
      written.push(some)
      return Promise.resolve({ bytesWritten: some.length, buffers })
    }
    await writeAll({ writev } as unknown as Parameters<typeof writeAll>[0], parts)
    expect(concat(written)).toEqual(concat(parts))
  }
})
