import { expect, test } from 'vitest'
import { newCounts, withCounting } from './counting.ts'
import { openMemory } from './memory.ts'
import { VirtualClock } from './virtual-clock.ts'

test('counts calls, bytes that went through, and failures', async () => {
  const counts = newCounts()
  const store = withCounting(openMemory({ clock: new VirtualClock() }), counts)
  await store.put('config/1', [new Uint8Array(3), new Uint8Array(4)])
  await store.put('config/1', [new Uint8Array(100)])
  await store.get('config/1', { last: 5 })
  await expect(store.get('config/2')).rejects.toThrow('not there')
  for await (const { name } of store.list('')) expect(name).toBe('config/1')
  await store.stat('config/1')
  await store.remove('config/1')
  expect(counts).toEqual({
    puts: 2,
    putsExisting: 1,
    bytesPut: 7,
    gets: 2,
    bytesGot: 5,
    lists: 1,
    objectsListed: 1,
    stats: 1,
    removes: 1,
    failures: 1,
  })
})
