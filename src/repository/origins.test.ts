import { beforeEach, expect, test } from 'vitest'
import { flipBit, namesOf } from '../../test/repositories/sample.ts'
import type { Clock } from '../base/clock.ts'
import { systemClock } from '../base/clock.ts'
import { sha256 } from '../base/hash.ts'
import { encodePrefix } from '../format/prefix.ts'
import { putContent } from '../store/content.ts'
import { openMemory } from '../store/memory.ts'
import { contentName } from '../store/names.ts'
import type { ObjectInfo, Store } from '../store/store.ts'
import { loadOrigins, type Origins, putOrigin } from './origins.ts'

const DAY_MS = 24 * 60 * 60 * 1000

let nowMs = 0
let store: Store

beforeEach(() => {
  nowMs = 1_800_000_000_000
  const clock: Clock = { ...systemClock, nowMs: () => nowMs }
  store = openMemory({ clock })
})

function pack(number: number): ObjectInfo {
  return { name: contentName('packs', sha256(Uint8Array.of(number))), size: 1, storedAtMs: 1 }
}

const put = (...numbers: readonly number[]) =>
  putOrigin(store, { packs: numbers.map(pack), isOfCopy: false, nowMs })
const load = (isAlone = false): Promise<Origins> => loadOrigins(store, { nowMs, isAlone })
const stored = () => namesOf(store, 'origins/')
const has = ({ newest }: Origins) => [1, 2, 3].filter((one) => newest?.has(pack(one).name))

test('the newest says what the origin has, and the others are past', async () => {
  expect(await load()).toEqual({ newest: undefined, past: [], problems: [] })
  await put(1, 2)
  const [first] = await stored()
  nowMs += DAY_MS
  await put(2, 3)
  const found = await load()
  expect(has(found)).toEqual([2, 3])
  expect(found.newest?.storedAtMs).toBe(nowMs)
  expect(found.past).toEqual([first])
  const second = (await stored()).find((name) => name !== first)
  nowMs += DAY_MS
  await put(1)
  // Who syncs removes all but the last one, so that there are never many.
  const left = await stored()
  expect([left.length, left.includes(first ?? ''), left.includes(second ?? '')]).toEqual([
    2,
    false,
    true,
  ])
})

test('whether the origin was a copy itself is said', async () => {
  await put(1)
  expect((await load()).newest?.isOfCopy).toBe(false)
  await putOrigin(store, { packs: [pack(1)], isOfCopy: true, nowMs })
  expect(await stored()).toHaveLength(2)
})

test('what says the same is put again after a week, and where a clock is ahead', async () => {
  await put(1, 2)
  nowMs += 7 * DAY_MS
  await put(2, 1)
  expect(await stored()).toHaveLength(1)
  nowMs += 1
  await put(1, 2)
  expect(await stored()).toHaveLength(2)
  const before = await stored()
  await putOrigin(store, { packs: [pack(1), pack(2)], isOfCopy: false, nowMs: nowMs - 1 })
  expect((await stored()).filter((name) => !before.includes(name))).toHaveLength(1)
})

test('after 100 days it counts no more, and where this is alone none does', async () => {
  await put(1)
  nowMs += 100 * DAY_MS
  expect(has(await load())).toEqual([1])
  const alone = await load(true)
  expect([has(alone), alone.past]).toEqual([[], await stored()])
  nowMs += 1
  const old = await load()
  expect([has(old), old.past]).toEqual([[], await stored()])
})

test('where the newest cannot be read the one before it counts, and it is told', async () => {
  await put(1)
  nowMs += DAY_MS
  await put(2)
  const [newest = ''] = (await Promise.all((await stored()).map((name) => store.stat(name))))
    .filter((info) => info?.storedAtMs === nowMs)
    .map((info) => info?.name)
  await flipBit(store, { name: newest, offset: 40 })
  nowMs += 1
  const later = encodePrefix({ kind: 'origin', domain: new Uint8Array(16), epoch: 0 }).slice()
  later[7] = 2
  await putContent(store, { folder: 'origins', parts: [later] })
  const found = await load()
  expect(has(found)).toEqual([1])
  expect(found.problems.map(({ error }) => error.code).sort()).toEqual([
    'object-damaged',
    'unsupported',
  ])
  await put(1)
  expect(has(await load())).toEqual([1])
})
