import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sha256 } from '../base/hash.ts'
import { Claims, newClaimMemory } from './claims.ts'

const ID_BYTES = 32

/** Ids as they are in practice: evenly spread. */
function idsOf(count: number, seed = 0): Uint8Array {
  const ids = new Uint8Array(ID_BYTES * count)
  for (let i = 0; i < count; i++) {
    ids.set(sha256(new TextEncoder().encode(`${seed}:${i}`)), ID_BYTES * i)
  }
  return ids
}

test('an id is claimed once, whatever was claimed before, between and after', () => {
  const id = fc.uint8Array({ minLength: ID_BYTES, maxLength: ID_BYTES })
  // Few different bytes, so that ids repeat, and share the slots where they begin.
  const narrow = fc
    .array(fc.constantFrom(0, 1, 255), { minLength: ID_BYTES, maxLength: ID_BYTES })
    .map((bytes) => Uint8Array.from(bytes).fill(7, 2, 30))
  fc.assert(
    fc.property(fc.array(fc.oneof(id, narrow), { maxLength: 200 }), (ids) => {
      const claims = new Claims(newClaimMemory())
      const seen = new Set<string>()
      for (const one of ids) {
        const hex = Buffer.from(one).toString('hex')
        expect(claims.claim(one)).toBe(!seen.has(hex))
        seen.add(hex)
      }
    }),
    { numRuns: 50 },
  )
})

test('more ids than a table holds go on in the next, and are all remembered', () => {
  const claims = new Claims(newClaimMemory())
  const count = 40_000
  const ids = idsOf(count)
  const claimAll = () => {
    let claimed = 0
    for (let i = 0; i < count; i++) claimed += Number(claims.claim(ids, ID_BYTES * i))
    return claimed
  }
  expect(claimAll()).toBe(count)
  expect(claimAll()).toBe(0)
})

test('whoever looks into the same memory later sees what was claimed', () => {
  const memory = newClaimMemory()
  const [early, late] = [new Claims(memory), new Claims(memory)]
  const ids = idsOf(30_000)
  for (let i = 0; i < 30_000; i++) early.claim(ids, ID_BYTES * i)
  expect(late.claim(ids, ID_BYTES * 29_999)).toBe(false)
  expect(late.claim(idsOf(1, 1))).toBe(true)
  expect(early.claim(idsOf(1, 1))).toBe(false)
})

/** Claims every id, from a place of its own on; tells which it got. */
const CLAIMER = `
  import { parentPort, workerData } from 'node:worker_threads'
  import { Claims } from ${JSON.stringify(new URL('./claims.ts', import.meta.url).href)}
  const { memory, ids, start, gate } = workerData
  const claims = new Claims(memory)
  const count = ids.length / ${ID_BYTES}
  const won = []
  // All at once, or they would hardly meet.
  Atomics.sub(gate, 0, 1)
  while (Atomics.load(gate, 0) > 0);
  for (let i = 0; i < count; i++) {
    const which = (start + i) % count
    if (claims.claim(ids, ${ID_BYTES} * which)) won.push(which)
  }
  parentPort.postMessage(won)
`

test('of threads that claim the same ids at once, exactly one gets each', async () => {
  const count = 40_000
  const threads = 4
  for (const spread of [0, 7]) {
    const memory = newClaimMemory()
    const ids = idsOf(count, spread)
    const gate = new Int32Array(new SharedArrayBuffer(4)).fill(threads)
    const won = await Promise.all(
      Array.from({ length: threads }, (_, i) =>
        claimInThread({ memory, ids, gate, start: i * spread }),
      ),
    )
    const all = won.flat()
    expect(all).toHaveLength(count)
    expect(new Set(all).size).toBe(count)
  }
})

function claimInThread(workerData: {
  memory: SharedArrayBuffer
  ids: Uint8Array
  gate: Int32Array
  start: number
}): Promise<readonly number[]> {
  const url = new URL(`data:text/javascript,${encodeURIComponent(CLAIMER)}`)
  const worker = new Worker(url, { workerData })
  return new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

test('a thread that finds a table frozen waits for those that are still writing to it', async () => {
  // As if another thread had drawn the last ticket and were about to fill its slot.
  const memory = newClaimMemory()
  const words = new Int32Array(memory)
  const [drawn, settled, firstSlot] = [0, 1, 2]
  const limit = (2 ** 14 * 3) / 4
  words[drawn] = limit
  words[settled] = limit - 1
  const ids = idsOf(1)
  new DataView(ids.buffer).setUint32(0, 0)
  const gate = new Int32Array(new SharedArrayBuffer(4)).fill(1)
  const won = claimInThread({ memory, ids, gate, start: 0 })
  while (Atomics.load(gate, 0) > 0) await new Promise((resolve) => setTimeout(resolve, 1))
  await new Promise((resolve) => setTimeout(resolve, 50))
  new Uint8Array(memory).set(ids, 4 * (firstSlot + 1))
  Atomics.store(words, firstSlot, 2)
  Atomics.store(words, settled, limit)
  expect(await won).toEqual([])
})
