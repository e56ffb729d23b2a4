import fc from 'fast-check'
import { expect, test } from 'vitest'
import { OrderedQueue } from './ordered-queue.ts'

test('whatever the order in which things end, they come out in the order in which they began', () => {
  const order = fc.integer({ min: 1, max: 3000 }).chain((count) =>
    fc.shuffledSubarray(
      Array.from({ length: count }, (_, i) => i),
      { minLength: count, maxLength: count },
    ),
  )
  fc.assert(
    fc.property(order, fc.boolean(), (ends, more) => {
      const out: number[] = []
      const queue = new OrderedQueue<number>((value) => out.push(value))
      const tickets = ends.map(() => queue.reserve())
      for (const end of ends) queue.resolve(tickets[end] as (typeof tickets)[0], end)
      if (more) queue.push(ends.length)
      expect(out).toEqual(Array.from({ length: ends.length + Number(more) }, (_, i) => i))
      expect(queue.isEmpty).toBe(true)
    }),
    { numRuns: 30 },
  )
})

test('what is pushed waits for what was begun before', () => {
  const out: string[] = []
  const queue = new OrderedQueue<string>((value) => out.push(value))
  const first = queue.reserve()
  queue.push('second')
  expect(out).toEqual([])
  expect(queue.isEmpty).toBe(false)
  queue.resolve(first, 'first')
  expect(out).toEqual(['first', 'second'])
})
