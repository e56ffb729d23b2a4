import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { Credit } from './credit.ts'

test('what is taken is outstanding until it is given back', () => {
  const credit = new Credit(Credit.newMemory(), 100)
  credit.take(60)
  credit.takeNow(90)
  expect(credit.outstandingBytes).toBe(150)
  credit.giveBack(150)
  expect(credit.outstandingBytes).toBe(0)
})

/** Takes many times, and tells of each: who gives back then lets it go on. */
const TAKER = `
  import { parentPort, workerData } from 'node:worker_threads'
  import { Credit } from ${JSON.stringify(new URL('./credit.ts', import.meta.url).href)}
  const { memory, rounds } = workerData
  const credit = new Credit(memory, 1000)
  for (let i = 0; i < rounds; i++) {
    credit.take(400)
    parentPort.postMessage(credit.outstandingBytes)
  }
`

test('threads that wait are all woken, and never have much more than there is', async () => {
  const memory = Credit.newMemory()
  const credit = new Credit(memory, 1000)
  const [threads, rounds] = [4, 3000]
  let most = 0
  const url = new URL(`data:text/javascript,${encodeURIComponent(TAKER)}`)
  await Promise.all(
    Array.from({ length: threads }, () => {
      const worker = new Worker(url, { workerData: { memory, rounds } })
      worker.on('message', (outstanding: number) => {
        most = Math.max(most, outstanding)
        credit.giveBack(400)
      })
      return new Promise((resolve, reject) => {
        worker.once('exit', resolve)
        worker.once('error', reject)
      })
    }),
  )
  expect(credit.outstandingBytes).toBe(0)
  // Below the limit one more may be taken, by one thread at a time.
  expect(most).toBeLessThan(1400)
  expect(most).toBeGreaterThan(999)
})
