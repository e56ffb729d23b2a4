import { expect, test } from 'vitest'
import { openStore } from './open-store.ts'
import { VirtualClock } from './virtual-clock.ts'

const clock = new VirtualClock()

test.each([
  ['/mnt/disk/backup', '/mnt/disk/backup'],
  ['backup', `${process.cwd()}/backup`],
  ['./odd:name', `${process.cwd()}/odd:name`],
  ['file:///mnt/disk/with%20space', '/mnt/disk/with space'],
])('%s is the folder %s', (address, path) => {
  expect(openStore({ address, clock }).address).toBe(path)
})

test.each(['', 's3://bucket/x', 'ftp:host', 'file://host/x', 'file:///a%00b', '/a\0b', 'memory:'])(
  '%j is not an address, and the error says what is',
  (address) => {
    expect(() => openStore({ address, clock })).toThrow(
      expect.objectContaining({
        code: 'usage',
        hint: expect.stringContaining('file:///') as string,
      }) as Error,
    )
  },
)

test('a password in an address that cannot be used is not repeated', () => {
  const address = 'sftp://user:hunter2@host/path'
  expect(() => openStore({ address, clock })).toThrow(/^((?!hunter2).)*$/)
})

test('memory is for tests', async () => {
  const store = openStore({ address: 'memory:', clock, allowMemory: true })
  expect(await store.put('config/1', [])).toBe('created')
})
