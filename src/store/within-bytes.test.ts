import { expect, test } from 'vitest'
import { VirtualClock } from './virtual-clock.ts'
import { forEachWithin } from './within-bytes.ts'

const never = new AbortController().signal

/** Works on objects of these sizes, each for its own time; the most that was on its way. */
async function peaks(sizes: readonly number[], bytesMax: number) {
  const clock = new VirtualClock()
  const items = sizes.map((size, at) => ({ size, ms: 1 + ((at * 7) % 5) }))
  let [count, bytes, countPeak, bytesPeak, done] = [0, 0, 0, 0, 0]
  const work = forEachWithin(items, { parallel: 8, bytesMax, signal: never }, async (item) => {
    count++
    bytes += item.size
    countPeak = Math.max(countPeak, count)
    bytesPeak = Math.max(bytesPeak, bytes)
    await clock.sleep(item.ms)
    count--
    bytes -= item.size
    done++
  })
  await clock.run(work)
  return { countPeak, bytesPeak, done }
}

test('keeps eight on their way where they are small', async () => {
  const sizes = Array.from({ length: 100 }, () => 1)
  expect(await peaks(sizes, 1000)).toEqual({ countPeak: 8, bytesPeak: 8, done: 100 })
})

test('keeps no more bytes on their way than it may', async () => {
  const sizes = Array.from({ length: 60 }, (_, at) => 20 + ((at * 37) % 109))
  const { bytesPeak, done } = await peaks(sizes, 256)
  expect(done).toBe(60)
  expect(bytesPeak).toBeLessThanOrEqual(256)
  expect(bytesPeak).toBeGreaterThan(128)
})

test('works alone on what is larger than all that it may', async () => {
  expect(await peaks([300, 1, 300], 256)).toEqual({ countPeak: 1, bytesPeak: 300, done: 3 })
})

test('begins nothing after a failure, and waits for what was begun', async () => {
  const clock = new VirtualClock()
  const ended: number[] = []
  const items = [1, 2, 3, 4, 5, 6].map((size) => ({ size }))
  const limits = { parallel: 3, bytesMax: 100, signal: never }
  const work = forEachWithin(items, limits, async ({ size }) => {
    await clock.sleep(size === 1 ? 1 : 10)
    if (size === 1) throw new Error('first')
    ended.push(size)
  })
  await expect(clock.run(work)).rejects.toThrow('first')
  expect(ended).toEqual([2, 3])
})

test('begins nothing once the signal has come', async () => {
  const controller = new AbortController()
  const done: number[] = []
  const items = [1, 2, 3].map((size) => ({ size }))
  const limits = { parallel: 1, bytesMax: 100, signal: controller.signal }
  const work = forEachWithin(items, limits, async ({ size }) => {
    done.push(size)
    if (size === 2) controller.abort()
    await Promise.resolve()
  })
  await expect(work).rejects.toMatchObject({ code: 'interrupted' })
  expect(done).toEqual([1, 2])
})
