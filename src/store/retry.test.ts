import { expect, test } from 'vitest'
import { utf8 } from '../base/bytes.ts'
import { CairnError, type ErrorCode } from '../base/errors.ts'
import { putContent } from './content.ts'
import { decorate } from './decorate.ts'
import { type Call, type CallRecord, type Fault, withFaults } from './fault.ts'
import { openMemory } from './memory.ts'
import { DEFAULT_RETRIES, type Retry, type RetryOptions, withRetry } from './retry.ts'
import { VirtualClock } from './virtual-clock.ts'

/** A store whose calls meet these faults in order, wrapped in retries. */
function setUp(faults: readonly (Fault | undefined)[], changes: Partial<RetryOptions> = {}) {
  const clock = new VirtualClock()
  const memory = openMemory({ clock })
  const log: CallRecord[] = []
  const retries: Retry[] = []
  const decide = ({ index }: Call) => faults[index]
  const store = withRetry(withFaults(memory, { clock, decide, log }), {
    clock,
    random: () => 0.5,
    attemptsMax: 4,
    totalMs: 100_000,
    firstDelayMs: 1000,
    delayMsMax: 3000,
    onRetry: (retry) => retries.push(retry),
    ...changes,
  })
  return { clock, memory, store, log, retries }
}

const FAIL: Fault = { kind: 'fail' }
const LOSE: Fault = { kind: 'lose-reply' }

function failWith(code: ErrorCode, context = {}) {
  return { kind: 'fail', error: new CairnError(code, 'no', { context }) } as const
}

test('what passes is tried again, with waits that double up to their limit', async () => {
  const { clock, store, retries } = setUp([FAIL, FAIL, FAIL])
  await clock.run(store.put('config/1', [utf8('x')]))
  expect(retries.map(({ delayMs }) => delayMs)).toEqual([500, 1000, 1500])
  expect(clock.nowMs()).toBe(3000)
})

test('attempts are bounded, and the error says how many there were', async () => {
  const { clock, store, log } = setUp([FAIL, FAIL, FAIL, FAIL, FAIL])
  await expect(clock.run(store.get('config/1'))).rejects.toMatchObject({
    code: 'store-unreadable',
    message: expect.stringContaining('gave up after 4 attempts in 3 s') as string,
    context: { retry: false },
  })
  expect(log).toHaveLength(4)
})

test('who is to stop waits no longer: once more at once, and then no more', async () => {
  const stopping = new AbortController()
  const { clock, store, log } = setUp([FAIL, FAIL, FAIL], { signal: stopping.signal })
  const failed = clock.run(
    Promise.all([
      expect(store.stat('config/1')).rejects.toThrow('gave up after 2 attempts'),
      clock.sleep(100).then(() => stopping.abort()),
    ]),
  )
  await failed
  expect(log).toHaveLength(2)
  expect(clock.nowMs()).toBeLessThan(500)
})

test('the time of all attempts together is bounded', async () => {
  const { clock, store, log } = setUp([FAIL, FAIL, FAIL], { totalMs: 1200 })
  await expect(clock.run(store.stat('config/1'))).rejects.toThrow('gave up after 2 attempts')
  expect(log).toHaveLength(2)
})

test.each([
  failWith('no-space'),
  failWith('object-missing'),
  failWith('object-damaged'),
  failWith('not-permitted'),
  failWith('no-repository'),
  failWith('store-unwritable', { retry: false }),
])('what cannot pass comes back at once: %o', async (fault) => {
  const { clock, store, log } = setUp([fault])
  await expect(clock.run(store.put('config/1', [utf8('x')]))).rejects.toBe(fault.error)
  expect(log).toHaveLength(1)
})

test('a timeout is tried again', async () => {
  const { clock, store } = setUp([failWith('timeout')])
  expect(await clock.run(store.put('config/1', [utf8('x')]))).toBe('created')
})

test('a create whose reply was lost is told created, when the bytes are the own ones', async () => {
  const { clock, store } = setUp([LOSE, undefined, FAIL])
  expect(await clock.run(store.put('config/1', [utf8('mi'), utf8('ne')]))).toBe('created')
})

test('a create that another one won meanwhile is told exists', async () => {
  const { clock, memory, store } = setUp([FAIL])
  await memory.put('config/1', [utf8('other')])
  expect(await clock.run(store.put('config/1', [utf8('mine')]))).toBe('exists')
})

test('at the first attempt exists is exists, equal or not, and nothing is read', async () => {
  const { clock, memory, store, log } = setUp([])
  await memory.put('config/1', [utf8('mine')])
  expect(await clock.run(store.put('config/1', [utf8('mine')]))).toBe('exists')
  expect(log.map(({ operation }) => operation)).toEqual(['put'])
})

test('an object that its bytes name is not read again after a lost reply', async () => {
  const { clock, store, log } = setUp([LOSE])
  await clock.run(putContent(store, { folder: 'packs', parts: [utf8('x')] }))
  expect(log.map(({ operation }) => operation)).toEqual(['put', 'put'])
})

test('a removal whose reply was lost succeeds', async () => {
  const { clock, memory, store } = setUp([LOSE])
  await memory.put('config/1', [])
  await clock.run(store.remove('config/1'))
  expect(await memory.stat('config/1')).toBeUndefined()
})

test('a listing that breaks off again and again comes whole and without repetition', async () => {
  const tears = [3, 7, 7, 8, 12].map((keep): Fault => ({ kind: 'tear', keep }))
  const { clock, memory, store } = setUp([...tears, LOSE])
  for (let i = 0; i < 12; i++) await memory.put(`config/${i}`, [])
  const names: string[] = []
  const listing = async () => {
    for await (const { name } of store.list('config/')) names.push(name)
  }
  await clock.run(listing())
  expect(names).toEqual(Array.from({ length: 12 }, (_, i) => `config/${i}`))
})

test('a listing that gets no further is given up', async () => {
  const { clock, memory, store } = setUp(
    Array.from({ length: 9 }, () => ({ kind: 'tear', keep: 1 })),
  )
  for (let i = 0; i < 3; i++) await memory.put(`config/${i}`, [])
  const listing = async () => {
    for await (const { name } of store.list('')) expect(name).toBe('config/0')
  }
  await expect(clock.run(listing())).rejects.toThrow('gave up after 4 attempts')
})

test('after days of suspension nothing is put again, whichever clock stood still', async () => {
  const memory = openMemory({ clock: new VirtualClock() })
  let calls = 0
  let nowMs = 0
  const clock = {
    nowMs: () => nowMs,
    monotonicMs: () => 0,
    sleep: () => Promise.resolve(),
  }
  const failing = decorate(memory, {
    put: () => {
      calls++
      nowMs += 3 * 24 * 3_600_000
      return Promise.reject(new CairnError('store-unwritable', 'the reply was lost'))
    },
  })
  const store = withRetry(failing, { ...DEFAULT_RETRIES, clock, random: () => 0 })
  await expect(store.put('config/1', [utf8('x')])).rejects.toMatchObject({
    code: 'store-unwritable',
  })
  expect(calls).toBe(1)
})
