import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterAll, expect, test } from 'vitest'
import { utf8 } from './bytes.ts'
import { libc } from './libc.ts'
import { AT_FDCWD, O_RDONLY } from './libc-constants.ts'
import { Errno, errnoName, must, SystemError } from './libc-error.ts'
import { cStringAt, NativeBuffer, PathSlot } from './libc-memory.ts'
import { UserNames } from './libc-users.ts'

const folder = mkdtempSync(join(tmpdir(), 'cairn-libc-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('a failed call gives the negative errno, which has a name', () => {
  const path = new PathSlot().put(utf8(`${folder}/absent`))
  const result = libc().openat(AT_FDCWD, path, O_RDONLY, 0)
  expect(result).toBe(-Errno.ENOENT)
  expect(errnoName(result)).toBe('ENOENT')
  expect(errnoName(-95)).toBe('ENOTSUP')
  expect(errnoName(9999)).toBe('E9999')
})

test('must throws a SystemError that says which call failed and why', () => {
  expect(must('open', 3)).toBe(3)
  expect(() => must('open', -Errno.EACCES)).toThrow(SystemError)
  expect(() => must('open', -Errno.EACCES)).toThrow('open: permission denied')
})

test('a path with NUL in it is refused instead of being cut short', () => {
  const slot = new PathSlot()
  expect(() => slot.put(Uint8Array.of(0x61, 0, 0x62))).toThrow('path: invalid argument')
  expect(() => slot.put(new Uint8Array(1 << 20).fill(0x61))).toThrow(SystemError)
})

test('a grown buffer has the same content', () => {
  const buffer = new NativeBuffer(8)
  buffer.bytes.set(utf8('cairn\0xy'))
  const grown = buffer.grown(1 << 16)
  expect(cStringAt(grown.bytes, 0)).toEqual(utf8('cairn'))
  expect(grown.bytes.length).toBe(1 << 16)
  expect(buffer.bytes.length).toBe(0)
})

test('users and groups are found by number and by name', () => {
  const names = new UserNames()
  expect(names.userName(0)).toBe('root')
  expect(names.userId('root')).toBe(0)
  expect(names.groupName(0)).toBe('root')
  expect(names.groupId('root')).toBe(0)
  expect(names.userName(3_999_999_999)).toBeUndefined()
  expect(names.userId('no-such-user')).toBeUndefined()
  expect(names.groupName(3_999_999_999)).toBeUndefined()
  expect(names.groupId('no-such-group')).toBeUndefined()
})

test('the C library is there in a worker thread as well', async () => {
  const script = `
    import { parentPort } from 'node:worker_threads'
    const { UserNames } = await import(${JSON.stringify(new URL('./libc-users.ts', import.meta.url).href)})
    parentPort.postMessage(new UserNames().userName(0))
  `
  const url = new URL(`data:text/javascript,${encodeURIComponent(script)}`)
  const worker = new Worker(url)
  const answer = await new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  expect(answer).toBe('root')
  await worker.terminate()
})
