import { expect, test } from 'vitest'
import { flattened, Into, type Nested, type NestedSync } from './nesting.ts'

function* countdown(from: number, log: string[] = []): NestedSync<number, number> {
  try {
    yield from
    if (from === 0) return 0
    const below = yield new Into(countdown(from - 1, log))
    yield -from
    return below + from
  } finally {
    log.push(`end ${from}`)
  }
}

async function all<T>(values: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = []
  for await (const value of values) found.push(value)
  return found
}

test('what is inside comes where it stands, at any depth', async () => {
  expect(await all(flattened(countdown(2)))).toEqual([2, 1, 0, -1, -2])
  expect(await all(flattened(countdown(50_000)))).toHaveLength(100_001)
})

test('what the inner one returns is the value outside', async () => {
  async function* outer(): Nested<number, number> {
    await Promise.resolve()
    yield yield new Into(countdown(4))
    return 0
  }
  expect((await all(flattened(outer()))).at(-1)).toBe(10)
})

test('an error goes outwards until somebody catches it', async () => {
  function* failing(): NestedSync<string, void> {
    yield 'before'
    throw new Error('broken')
  }
  function* catching(): NestedSync<string, void> {
    try {
      yield new Into(failing())
    } catch (error) {
      yield (error as Error).message
    }
  }
  expect(await all(flattened(catching()))).toEqual(['before', 'broken'])
  await expect(all(flattened(failing()))).rejects.toThrow('broken')
})

test('all are ended, the innermost first, where nobody wants any more', async () => {
  const log: string[] = []
  for await (const value of flattened(countdown(3, log))) if (value === 1) break
  expect(log).toEqual(['end 1', 'end 2', 'end 3'])
})

test('the event loop has its turns', async () => {
  let turns = 0
  const timer = setInterval(() => turns++, 1)
  await all(flattened(countdown(20_000)))
  clearInterval(timer)
  expect(turns).toBeGreaterThan(0)
})
