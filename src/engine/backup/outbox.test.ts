import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { newOutboxMemory, OutboxClosed, OutboxReader, OutboxWriter } from './outbox.ts'

test('frames of any lengths come out as they went in, in room that is used again', () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 100 }), { maxLength: 200 })
  fc.assert(
    fc.property(lengths, fc.integer({ min: 0, max: 5 }), (frames, onTheWayMax) => {
      // So much room that six of the longest and what is left out at the end of the ring fit.
      const memory = newOutboxMemory(600)
      const [writer, reader] = [new OutboxWriter(memory), new OutboxReader(memory)]
      const onTheWay: { offset: number; length: number; span: number; fill: number }[] = []
      const takeFirst = () => {
        const { offset, length, span, fill } = onTheWay.shift() as (typeof onTheWay)[number]
        expect([...reader.frame(offset, length)]).toEqual(Array(length).fill(fill))
        reader.giveBack(span)
      }
      frames.forEach((length, i) => {
        while (onTheWay.length > onTheWayMax) takeFirst()
        const { bytes, offset, span } = writer.room(length)
        bytes.fill(i % 256)
        onTheWay.push({ offset, length, span, fill: i % 256 })
      })
      while (onTheWay.length > 0) takeFirst()
    }),
  )
})

test('a frame longer than the outbox is for is a bug', () => {
  expect(() => new OutboxWriter(newOutboxMemory(100)).room(153)).toThrow(/fits into an outbox/)
})

const WAITER = `
  const { parentPort, workerData } = require('node:worker_threads')
  import(workerData.module).then(({ OutboxWriter }) => {
    const writer = new OutboxWriter(workerData.memory)
    try {
      writer.room(80)
      writer.room(80)
      parentPort.postMessage('waiting')
      writer.room(80)
      parentPort.postMessage('room')
    } catch (error) {
      parentPort.postMessage(error.name)
    }
  })
`

function waiter(memory: SharedArrayBuffer): { next: () => Promise<unknown>; worker: Worker } {
  const module = new URL('./outbox.ts', import.meta.url).href
  const worker = new Worker(WAITER, { eval: true, workerData: { memory, module } })
  const next = () => new Promise((resolve) => worker.once('message', resolve))
  return { next, worker }
}

test('one of the longest always fits when all was given back, wherever the last one ended', () => {
  const memory = newOutboxMemory(100)
  const [writer, reader] = [new OutboxWriter(memory), new OutboxReader(memory)]
  for (const length of [60, 100, 90, 100, 1, 100]) {
    const { offset, span } = writer.room(length)
    expect(offset + length).toBeLessThanOrEqual(152)
    reader.giveBack(span)
  }
})

test('a worker waits for room until there is some', async () => {
  const memory = newOutboxMemory(106)
  const { next } = waiter(memory)
  expect(await next()).toBe('waiting')
  const room = next()
  new OutboxReader(memory).giveBack(80)
  expect(await room).toBe('room')
})

test('a worker that waits for room ends when nobody takes frames any more', async () => {
  const memory = newOutboxMemory(106)
  const { next } = waiter(memory)
  expect(await next()).toBe('waiting')
  const ended = next()
  new OutboxReader(memory).close()
  expect(await ended).toBe(OutboxClosed.name)
})
