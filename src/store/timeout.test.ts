import { expect, test } from 'vitest'
import { decorate } from './decorate.ts'
import { openMemory } from './memory.ts'
import type { Store } from './store.ts'
import { withTimeout } from './timeout.ts'
import { VirtualClock } from './virtual-clock.ts'

const LIMITS = { requestMs: 1000, bytesPerSecondMin: 100 }

function setUp(changes: (clock: VirtualClock, memory: Store) => Partial<Store>) {
  const clock = new VirtualClock()
  const memory = openMemory({ clock })
  const slow = decorate(memory, changes(clock, memory))
  return { clock, store: withTimeout(slow, { startTimer: clock.startTimer, ...LIMITS }) }
}

const never = () => new Promise<never>(() => undefined)

test('whatever hangs ends with a timeout that says what hung and where', async () => {
  const { clock, store } = setUp(() => ({ put: never, get: never, stat: never, remove: never }))
  for (const call of [
    () => store.put('config/1', []),
    () => store.get('config/1', { offset: 0, length: 0 }),
    () => store.stat('config/1'),
    () => store.remove('config/1'),
  ]) {
    const started = clock.nowMs()
    await expect(clock.run<unknown>(call())).rejects.toMatchObject({
      code: 'timeout',
      message: expect.stringMatching(
        /^Cannot .*config\/1 .*memory:: no answer after 1 s$/,
      ) as string,
    })
    expect(clock.nowMs() - started).toBe(1000)
  }
})

test('a transfer has the time that its bytes take at the slowest rate', async () => {
  const { clock, store } = setUp((clock) => ({
    put: async () => {
      await clock.sleep(10_500)
      return 'created'
    },
  }))
  expect(await clock.run(store.put('config/1', [new Uint8Array(1000)]))).toBe('created')
  await expect(clock.run(store.put('config/1', [new Uint8Array(900)]))).rejects.toThrow('10 s')
})

test('a listing may take long, but no single step of it', async () => {
  const info = { name: 'config/1', size: 0, storedAtMs: 0 }
  const { clock, store } = setUp((clock) => ({
    async *list() {
      for (let i = 0; i < 10; i++) {
        await clock.sleep(900)
        yield info
      }
      await clock.sleep(1100)
      yield info
    },
  }))
  let steps = 0
  const listing = async () => {
    for await (const { name } of store.list('')) {
      expect(name).toBe('config/1')
      steps++
      // A slow reader is not a stalled store.
      await clock.sleep(5000)
    }
  }
  await expect(clock.run(listing())).rejects.toMatchObject({ code: 'timeout' })
  expect(steps).toBe(10)
})

test('what ends in time leaves no timer behind', async () => {
  let running = 0
  const clock = new VirtualClock()
  const store = withTimeout(openMemory({ clock }), {
    startTimer: () => {
      running++
      return () => running--
    },
    ...LIMITS,
  })
  await store.put('config/1', [])
  await store.get('config/1')
  await expect(store.get('config/2')).rejects.toThrow('not there')
  for await (const { name } of store.list('')) expect(name).toBe('config/1')
  expect(running).toBe(0)
})
