import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FIRST_FRAME_OFFSET, PACK_IDS_TARGET } from '../../packer/pack-writer.ts'
import { newPackMemory, PackMemory, type PackMemoryHandle, RunEnded } from './pack-memory.ts'

const PACK_BYTES = FIRST_FRAME_OFFSET + 100

test('frames of any lengths lie one after the other, and where a closed pack ends is known', () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 100 }), { maxLength: 200 })
  fc.assert(
    fc.property(lengths, (frames) => {
      const memory = new PackMemory(newPackMemory({ packs: 2, packBytes: PACK_BYTES }))
      const ends = new Map<number, number>()
      const onClosed = (pack: number) => {
        expect(memory.endOf(pack)).toBe(ends.get(pack))
        ends.delete(pack)
        memory.free(pack)
      }
      for (const length of frames) {
        const { bytes, pack, offset } = memory.room({ bytes: length, ids: 1 }, onClosed)
        expect(bytes).toHaveLength(length)
        expect(offset).toBe(ends.get(pack) ?? FIRST_FRAME_OFFSET)
        expect(memory.endOf(pack)).toBeUndefined()
        ends.set(pack, offset + length)
        expect(ends.get(pack)).toBeLessThanOrEqual(PACK_BYTES)
      }
      const last = memory.close()
      expect(last === undefined ? undefined : memory.endOf(last)).toBe([...ends.values()][0])
      expect(memory.close()).toBeUndefined()
    }),
  )
})

test('a pack with very many ids is closed, and the next one begins without any', () => {
  const memory = new PackMemory(newPackMemory({ packs: 2, packBytes: PACK_BYTES }))
  const closed: number[] = []
  const room = (ids: number) => memory.room({ bytes: 1, ids }, (pack) => closed.push(pack))
  expect(room(PACK_IDS_TARGET - 1).pack).toBe(0)
  expect(closed).toEqual([])
  expect(room(1).pack).toBe(0)
  expect(closed).toEqual([0])
  expect(memory.endOf(0)).toBe(FIRST_FRAME_OFFSET + 2)
  expect([room(PACK_IDS_TARGET - 1).pack, closed]).toEqual([1, [0]])
  memory.free(0)
  expect([room(PACK_IDS_TARGET).pack, closed]).toEqual([1, [0, 1]])
  expect([room(PACK_IDS_TARGET - 1).pack, closed]).toEqual([0, [0, 1]])
})

test('a frame longer than a pack is a bug', () => {
  const memory = new PackMemory(newPackMemory({ packs: 2, packBytes: PACK_BYTES }))
  expect(() => memory.room({ bytes: 101, ids: 1 }, () => undefined)).toThrow(/fits into a pack/)
})

const WAITER = `
  const { parentPort, workerData } = require('node:worker_threads')
  import(workerData.module).then(({ PackMemory }) => {
    const memory = new PackMemory(workerData.memory)
    const room = () => memory.room({ bytes: 80, ids: 1 }, (pack) => parentPort.postMessage('closed ' + pack))
    try {
      room()
      room()
      parentPort.postMessage('waiting')
      room()
      parentPort.postMessage('room')
    } catch (error) {
      parentPort.postMessage(error.name)
    }
  })
`

function startWaiter(memory: PackMemoryHandle): { messages: unknown[]; ended: Promise<unknown> } {
  const module = new URL('./pack-memory.ts', import.meta.url).href
  const worker = new Worker(WAITER, { eval: true, workerData: { memory, module } })
  const messages: unknown[] = []
  worker.on('message', (message) => messages.push(message))
  return { messages, ended: new Promise((resolve) => worker.on('exit', resolve)) }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}

test('a worker waits for room until a pack was stored', async () => {
  const memory = newPackMemory({ packs: 2, packBytes: PACK_BYTES })
  const { messages, ended } = startWaiter(memory)
  await until(() => messages.length === 3)
  new PackMemory(memory).free(0)
  await ended
  expect(messages).toEqual(['closed 0', 'waiting', 'closed 1', 'room'])
})

test('a worker that waits for room ends when nobody takes frames any more', async () => {
  const memory = newPackMemory({ packs: 2, packBytes: PACK_BYTES })
  const { messages, ended } = startWaiter(memory)
  await until(() => messages.length === 3)
  new PackMemory(memory).end()
  await ended
  expect(messages).toEqual(['closed 0', 'waiting', 'closed 1', RunEnded.name])
})

const RACER = `
  const { parentPort, workerData } = require('node:worker_threads')
  import(workerData.module).then(({ PackMemory }) => {
    const memory = new PackMemory(workerData.memory)
    const { me, frames } = workerData
    for (let i = 0; i < frames; i++) {
      const length = 1 + ((i * 37 + me * 11) % 90)
      const room = memory.room({ bytes: length, ids: 1 }, (pack) => parentPort.postMessage({ closed: pack }))
      room.bytes.fill(me)
      const { pack, offset } = room
      parentPort.postMessage({ me, pack, offset, length })
    }
  })
`

interface Told {
  readonly me: number
  readonly offset: number
  readonly length: number
}

test('no two workers are given the same room, and none is lost', async () => {
  const [frames, racers] = [3000, 3]
  const handle = newPackMemory({ packs: 2, packBytes: FIRST_FRAME_OFFSET + 1000 })
  const memory = new PackMemory(handle)
  const told: Told[][] = [[], []]
  let done = 0
  const takeComplete = (pack: number) => {
    const [all, end] = [told[pack] as Told[], memory.endOf(pack)]
    const sum = all.reduce((bytes, { length }) => bytes + length, FIRST_FRAME_OFFSET)
    if (end === undefined || sum !== end) return
    // Side by side, without gaps, each with what its worker wrote.
    let at = FIRST_FRAME_OFFSET
    for (const { me, offset, length } of all.toSorted((a, b) => a.offset - b.offset)) {
      expect(offset).toBe(at)
      at += length
      expect(
        memory
          .pack(pack)
          .subarray(offset, at)
          .every((byte) => byte === me),
      ).toBe(true)
    }
    done += all.length
    told[pack] = []
    memory.free(pack)
  }
  const module = new URL('./pack-memory.ts', import.meta.url).href
  const ended = Array.from({ length: racers }, (_, me) => {
    const workerData = { memory: handle, module, me: me + 1, frames }
    const worker = new Worker(RACER, { eval: true, workerData })
    worker.on('message', (message: { closed: number } | (Told & { pack: number })) => {
      if ('closed' in message) return takeComplete(message.closed)
      told[message.pack]?.push(message)
      takeComplete(message.pack)
    })
    return new Promise((resolve) => worker.on('exit', resolve))
  })
  // The main thread closes packs too, whatever the workers are at.
  const closing = setInterval(() => {
    const pack = memory.close()
    if (pack !== undefined) takeComplete(pack)
  }, 1)
  await Promise.all(ended)
  clearInterval(closing)
  const last = memory.close()
  if (last !== undefined) takeComplete(last)
  expect(done).toBe(frames * racers)
})
