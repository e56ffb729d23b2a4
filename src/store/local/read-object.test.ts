// Where small objects are read: here as long as they come at once, and on libuv's threads when they do not. Only
// what is read here is timed, so that the clock tells which it was.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { utf8 } from '../../base/bytes.ts'
import { ObjectReader } from './read-object.ts'

const folder = mkdtempSync(join(tmpdir(), 'cairn-read-object-'))
const path = join(folder, 'object')
writeFileSync(path, 'content')
afterAll(() => {
  rmSync(folder, { recursive: true })
})

const OBJECT = { path, address: folder, name: 'snapshots/object' }

/** A clock by which every read that it is asked about takes so long, or as long as is said of it by its number. */
class Stopwatch {
  asked = 0
  #nowMs = 0
  readonly #tookMs: (read: number) => number

  constructor(tookMs: number | ((read: number) => number)) {
    this.#tookMs = typeof tookMs === 'number' ? () => tookMs : tookMs
  }

  monotonicMs(): number {
    if (++this.asked % 2 === 0) this.#nowMs += this.#tookMs(this.asked / 2)
    return this.#nowMs
  }
}

/** The first ones are left to the threads. */
async function warmedUp(clock: Stopwatch): Promise<ObjectReader> {
  const reader = new ObjectReader(clock)
  for (let i = 0; i < 64; i++) await reader.read(OBJECT)
  expect(clock.asked).toBe(0)
  return reader
}

test('what comes at once is read here', async () => {
  const clock = new Stopwatch(0.01)
  const reader = await warmedUp(clock)
  for (let i = 1; i <= 100; i++) {
    expect(await reader.read(OBJECT)).toEqual(utf8('content'))
    expect(clock.asked).toBe(2 * i)
  }
})

test('after three that take their time the next ones are left to the threads, then it is tried again', async () => {
  const clock = new Stopwatch(5)
  const reader = await warmedUp(clock)
  for (let i = 0; i < 3; i++) await reader.read(OBJECT)
  expect(clock.asked).toBe(6)
  for (let i = 0; i < 64; i++) expect(await reader.read(OBJECT)).toEqual(utf8('content'))
  expect(clock.asked).toBe(6)
  // One more is enough then.
  expect(await reader.read(OBJECT, { last: 3 })).toEqual(utf8('ent'))
  expect(clock.asked).toBe(8)
  for (let i = 0; i < 64; i++) await reader.read(OBJECT)
  expect(clock.asked).toBe(8)
})

test('one in a while that takes its time changes nothing', async () => {
  const clock = new Stopwatch((read) => (read % 20 === 0 ? 5 : 0.01))
  const reader = await warmedUp(clock)
  for (let i = 1; i <= 200; i++) await reader.read(OBJECT)
  expect(clock.asked).toBe(400)
})

test('packs are never read here', async () => {
  const clock = new Stopwatch(0)
  const pack = { ...OBJECT, name: 'packs/00/object' }
  expect(await (await warmedUp(clock)).read(pack)).toEqual(utf8('content'))
  expect(clock.asked).toBe(0)
})

test('what is missing is told as on the threads, also where that took its time', async () => {
  for (const tookMs of [0, 5]) {
    const reader = await warmedUp(new Stopwatch(tookMs))
    const missing = { ...OBJECT, path: join(folder, 'missing') }
    for (let i = 0; i < 3; i++)
      await expect(reader.read(missing)).rejects.toMatchObject({ code: 'ENOENT' })
  }
})

test('while thousands are read, others are let through', async () => {
  const reader = await warmedUp(new Stopwatch(0))
  let turns = 0
  const count = () => {
    turns++
    timer = setImmediate(count)
  }
  let timer = setImmediate(count)
  for (let i = 0; i < 1000; i++) await reader.read(OBJECT)
  clearImmediate(timer)
  expect(turns).toBeGreaterThanOrEqual(7)
})
