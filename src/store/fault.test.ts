import { expect, test } from 'vitest'
import { utf8 } from '../base/bytes.ts'
import { type CallRecord, type Fault, withFaults } from './fault.ts'
import { randomFaults } from './fault-rates.ts'
import { withListingLag } from './listing-lag.ts'
import { openMemory } from './memory.ts'
import { seededRandom } from './seeded-random.ts'
import { withSpaceLimit } from './space-limit.ts'
import type { Store } from './store.ts'
import { VirtualClock } from './virtual-clock.ts'

function setUp(fault: Fault) {
  const clock = new VirtualClock()
  const memory = openMemory({ clock })
  const log: CallRecord[] = []
  return { clock, memory, log, store: withFaults(memory, { clock, decide: () => fault, log }) }
}

async function namesIn(store: Store): Promise<string[]> {
  const names: string[] = []
  for await (const { name } of store.list('')) names.push(name)
  return names.sort()
}

test('a call that fails does nothing', async () => {
  const { memory, store, log } = setUp({ kind: 'fail' })
  await expect(store.put('config/1', [])).rejects.toMatchObject({ code: 'store-unwritable' })
  await expect(namesIn(store)).rejects.toMatchObject({ code: 'store-unreadable' })
  expect(await namesIn(memory)).toEqual([])
  expect(log).toEqual([
    { index: 0, operation: 'put', name: 'config/1', fault: 'fail', outcome: 'store-unwritable' },
    { index: 1, operation: 'list', name: '', fault: 'fail', outcome: 'store-unreadable' },
  ])
})

test('a call whose reply is lost takes effect and fails', async () => {
  const { memory, store } = setUp({ kind: 'lose-reply' })
  await expect(store.put('config/1', [])).rejects.toThrow('a fault was injected')
  expect(await namesIn(memory)).toEqual(['config/1'])
  await expect(store.remove('config/1')).rejects.toThrow('a fault was injected')
  expect(await namesIn(memory)).toEqual([])
})

test('a late put fails now and takes effect later, with the bytes that it was given', async () => {
  const { clock, memory, store } = setUp({ kind: 'late', afterMs: 1000 })
  const bytes = utf8('now')
  await expect(store.put('config/1', [bytes])).rejects.toThrow('a fault was injected')
  bytes.fill(0)
  await clock.advance(999)
  expect(await namesIn(memory)).toEqual([])
  await clock.advance(1)
  expect(await memory.get('config/1')).toEqual(utf8('now'))
})

test('a torn put leaves its beginning, and a torn get passes for whole', async () => {
  const { memory, store } = setUp({ kind: 'tear', keep: 3 })
  await expect(store.put('config/1', [utf8('ab'), utf8('cd')])).rejects.toThrow('injected')
  expect(await memory.get('config/1')).toEqual(utf8('abc'))
  await memory.put('config/2', [utf8('abcdef')])
  expect(await store.get('config/2')).toEqual(utf8('abc'))
})

test('a flipped bit is in the answer and not in the store', async () => {
  const { memory, store } = setUp({ kind: 'flip', bit: 9 })
  await memory.put('config/1', [Uint8Array.of(0, 0)])
  expect(await store.get('config/1')).toEqual(Uint8Array.of(0, 2))
  expect(await memory.get('config/1')).toEqual(Uint8Array.of(0, 0))
})

test('a delay passes on the clock that is given', async () => {
  const { clock, store } = setUp({ kind: 'delay', ms: 5000 })
  await clock.run(store.put('config/1', []))
  expect(clock.nowMs()).toBe(5000)
})

test('a scheduler can hold each call until it wants it to go on', async () => {
  const clock = new VirtualClock()
  const held: (() => void)[] = []
  const decide = () =>
    new Promise<undefined>((resolve) => {
      held.push(() => resolve(undefined))
    })
  const store = withFaults(openMemory({ clock }), { clock, decide })
  const results: string[] = []
  const first = store.put('config/1', [utf8('first')]).then((result) => results.push(result))
  const second = store.put('config/1', [utf8('second')]).then((result) => results.push(result))
  held[1]?.()
  await second
  held[0]?.()
  await first
  expect(results).toEqual(['created', 'exists'])
})

test('the same seed gives the same faults, about as often as wanted', () => {
  const rates = { fail: 0.2, flip: 0.1, late: 0.1, tear: 0.1, delay: 0.05, 'lose-reply': 0.05 }
  const draw = (seed: number) => {
    const decide = randomFaults({ random: seededRandom(seed), rates, operations: ['get'] })
    return Array.from({ length: 10_000 }, (_, index) =>
      decide({ index, operation: index % 2 ? 'get' : 'put', name: 'config/1' }),
    )
  }
  const faults = draw(1)
  expect(draw(1)).toEqual(faults)
  expect(draw(2)).not.toEqual(faults)
  expect(faults.filter((_, index) => index % 2 === 0).every((fault) => !fault)).toBe(true)
  for (const [kind, rate] of Object.entries(rates)) {
    const share = faults.filter((fault) => fault?.kind === kind).length / 5000
    expect(Math.abs(share - rate)).toBeLessThan(0.03)
  }
})

test('a lagging listing shows puts late and removals late, each name by its own delay', async () => {
  const clock = new VirtualClock()
  const lagMs = (name: string) => (name === 'config/1' ? 100 : 500)
  const store = withListingLag(openMemory({ clock }), { clock, lagMs })
  expect(store.capabilities.strongListing).toBe(false)
  await store.put('config/1', [])
  await store.put('config/2', [])
  expect(await namesIn(store)).toEqual([])
  expect(await store.stat('config/1')).toBeDefined()
  await clock.advance(100)
  expect(await namesIn(store)).toEqual(['config/1'])
  await clock.advance(400)
  await store.remove('config/1')
  expect(await namesIn(store)).toEqual(['config/1', 'config/2'])
  expect(await store.stat('config/1')).toBeUndefined()
  await clock.advance(100)
  expect(await namesIn(store)).toEqual(['config/2'])
})

test('a full store refuses what does not fit, and removing makes room', async () => {
  const clock = new VirtualClock()
  const store = withSpaceLimit(openMemory({ clock }), 10)
  await store.put('config/1', [new Uint8Array(6)])
  await expect(store.put('config/2', [new Uint8Array(5)])).rejects.toMatchObject({
    code: 'no-space',
    context: { retry: false },
  })
  await store.put('config/3', [new Uint8Array(4)])
  await store.remove('config/1')
  expect(await store.put('config/2', [new Uint8Array(5)])).toBe('created')
})
