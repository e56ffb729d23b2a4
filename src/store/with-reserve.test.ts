import { beforeEach, expect, test } from 'vitest'
import { systemClock } from '../base/clock.ts'
import { CairnError } from '../base/errors.ts'
import { decorate } from './decorate.ts'
import { openMemory } from './memory.ts'
import { withSpaceLimit } from './space-limit.ts'
import type { Store } from './store.ts'
import { keepReserve, withReserve } from './with-reserve.ts'

const RESERVE = `holds/${'0'.repeat(64)}`
const object = (digit: string) => `packs/${digit.repeat(2)}/${digit.repeat(64)}`
const bytes = (length: number) => [new Uint8Array(length)]

let store: Store
let released: number

/** Of 100 bytes, 40 of which are the reserve. */
beforeEach(async () => {
  released = 0
  const limited = withSpaceLimit(openMemory({ clock: systemClock }), 100)
  store = decorate(limited, {
    reserve: {
      keep: async () => {
        await limited.put(RESERVE, bytes(40))
      },
      release: async () => {
        const isThere = (await limited.stat(RESERVE)) !== undefined
        await limited.remove(RESERVE)
        return isThere
      },
    },
  })
  await store.reserve?.keep()
})

const upkeep = () => withReserve(store, () => released++)

test('the reserve stays as long as there is room, and for who is no upkeep', async () => {
  await upkeep().put(object('1'), bytes(60))
  await expect(store.put(object('2'), bytes(1))).rejects.toMatchObject({ code: 'no-space' })
  expect(released).toBe(0)
  expect(await store.stat(RESERVE)).toBeDefined()
})

test('several at a time that find the store full have it between them, released once', async () => {
  await store.put(object('1'), bytes(60))
  const full = upkeep()
  const put = ['2', '3', '4'].map((digit) => full.put(object(digit), bytes(10)))
  expect(await Promise.all(put)).toEqual(['created', 'created', 'created'])
  expect(released).toBe(1)
  await expect(full.put(object('5'), bytes(11))).rejects.toMatchObject({ code: 'no-space' })
})

test('without one a full store is a full store', async () => {
  await store.put(object('1'), bytes(60))
  await store.reserve?.release()
  await store.put(object('2'), bytes(40))
  await expect(upkeep().put(object('3'), bytes(1))).rejects.toMatchObject({ code: 'no-space' })
})

test('other errors do not cost it', async () => {
  const broken = decorate(store, {
    remove: () => Promise.reject(new CairnError('store-unwritable', 'broken')),
  })
  const asked = withReserve(broken, () => released++)
  await expect(asked.remove(object('1'))).rejects.toMatchObject({ code: 'store-unwritable' })
  expect(released).toBe(0)
})

test('it is taken again where there is room; that there is none is nothing to tell', async () => {
  const told: unknown[] = []
  await store.reserve?.release()
  await store.put(object('1'), bytes(61))
  await keepReserve(store, (error) => told.push(error))
  expect(await store.stat(RESERVE)).toBeUndefined()
  await store.remove(object('1'))
  await keepReserve(store, (error) => told.push(error))
  expect(await store.stat(RESERVE)).toBeDefined()
  expect(told).toEqual([])
  const error = new CairnError('store-unwritable', 'broken')
  const reserve = { keep: () => Promise.reject(error), release: () => Promise.resolve(false) }
  await keepReserve(decorate(store, { reserve }), (one) => told.push(one))
  expect(told).toEqual([error])
})
