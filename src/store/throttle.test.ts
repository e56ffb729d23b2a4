import { expect, test } from 'vitest'
import { openMemory } from './memory.ts'
import { withThrottle } from './throttle.ts'
import { VirtualClock } from './virtual-clock.ts'

test('uploads keep to their rate on average, beyond the first second of them', async () => {
  const clock = new VirtualClock()
  const store = withThrottle(openMemory({ clock }), { clock, uploadBytesPerSecond: 1000 })
  const puts = Array.from({ length: 11 }, (_, i) => store.put(`config/${i}`, [new Uint8Array(500)]))
  await clock.run(Promise.all(puts))
  // 5,500 bytes, of which 1,000 were free and the last 500 are still owed.
  expect(clock.nowMs()).toBeGreaterThanOrEqual(4000)
  expect(clock.nowMs()).toBeLessThan(4100)
})

test('downloads have a limit of their own, and what is idle is not saved up', async () => {
  const clock = new VirtualClock()
  const store = withThrottle(openMemory({ clock }), { clock, downloadBytesPerSecond: 100 })
  await store.put('config/1', [new Uint8Array(100)])
  await clock.advance(60_000)
  const started = clock.nowMs()
  for (let i = 0; i < 4; i++) await clock.run(store.get('config/1'))
  expect(clock.nowMs() - started).toBeGreaterThanOrEqual(1000)
  expect(clock.nowMs() - started).toBeLessThan(2100)
})

test('an object larger than a second of the rate goes through, and the next one pays', async () => {
  const clock = new VirtualClock()
  const store = withThrottle(openMemory({ clock }), { clock, uploadBytesPerSecond: 10 })
  await clock.run(store.put('config/1', [new Uint8Array(1010)]))
  expect(clock.nowMs()).toBe(0)
  await clock.run(store.put('config/2', [new Uint8Array(1)]))
  expect(clock.nowMs()).toBe(100_000)
})

test('without a limit nothing waits', async () => {
  const clock = new VirtualClock()
  const store = withThrottle(openMemory({ clock }), { clock })
  for (let i = 0; i < 9; i++) await clock.run(store.put(`config/${i}`, [new Uint8Array(1e6)]))
  expect(clock.nowMs()).toBe(0)
})
