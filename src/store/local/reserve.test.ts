import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../base/clock.ts'
import type { Store } from '../store.ts'
import { type FolderCalls, systemCalls } from './folder-calls.ts'
import { openLocal } from './local-store.ts'

let path: string

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'cairn-reserve-'))
})
afterEach(() => rmSync(path, { recursive: true }))

const open = (calls: FolderCalls = systemCalls): Store =>
  openLocal({ path, clock: systemClock, calls })
const file = () => join(path, 'reserve')

async function listed(store: Store): Promise<readonly string[]> {
  const names: string[] = []
  for await (const { name } of store.list('')) names.push(name)
  return names
}

test('it is a file that takes room on the disk, cannot be compressed, and is no object', async () => {
  const store = open()
  await store.reserve?.keep()
  const { size, blocks } = statSync(file())
  expect(size).toBe(4 << 20)
  expect(512 * blocks).toBeGreaterThanOrEqual(size)
  expect(gzipSync(readFileSync(file())).length).toBeGreaterThan(0.99 * size)
  expect(await listed(store)).toEqual([])
  expect(readdirSync(join(path, 'tmp'))).toEqual([])
})

test('kept twice it is made once, and given back once', async () => {
  const store = open()
  await store.reserve?.keep()
  const { ino } = statSync(file())
  await store.reserve?.keep()
  expect(statSync(file()).ino).toBe(ino)
  expect(await store.reserve?.release()).toBe(true)
  expect(readdirSync(path)).toEqual(['tmp'])
  expect(await store.reserve?.release()).toBe(false)
})

test('what else has its name is left alone', async () => {
  mkdirSync(file())
  const store = open()
  await store.reserve?.keep()
  expect(await store.reserve?.release()).toBe(false)
  expect(statSync(file()).isDirectory()).toBe(true)
})

test('where there is less room it is smaller, and grows when there is more', async () => {
  let room = 3 << 20
  const store = open({
    ...systemCalls,
    createFile: async (name) => {
      const created = await systemCalls.createFile(name)
      return {
        ...created,
        write: (parts) =>
          parts.reduce((sum, part) => sum + part.length, 0) > room
            ? Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' }))
            : created.write(parts),
      }
    },
  })
  await store.reserve?.keep()
  expect(statSync(file()).size).toBe(2 << 20)
  await store.reserve?.keep()
  expect(statSync(file()).size).toBe(2 << 20)
  room = 4 << 20
  await store.reserve?.keep()
  expect(statSync(file()).size).toBe(4 << 20)
  expect(readdirSync(join(path, 'tmp'))).toEqual([])
})

test('without room nothing is left of it', async () => {
  const full = Object.assign(new Error('full'), { code: 'ENOSPC' })
  const store = open({
    ...systemCalls,
    createFile: async (name) => ({
      ...(await systemCalls.createFile(name)),
      sync: () => Promise.reject(full),
    }),
  })
  await expect(store.reserve?.keep()).rejects.toMatchObject({ code: 'no-space' })
  expect(readdirSync(path)).toEqual(['tmp'])
  expect(readdirSync(join(path, 'tmp'))).toEqual([])
})
