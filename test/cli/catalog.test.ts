// What a machine knows of snapshots is not read again, whatever the command; and a machine that can keep nothing
// reads it each time. An object that is spoilt tells which it was: who reads it warns.

import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Done, User } from './user.ts'

const user = new User()
const cache = user.path('cache')
const run = (args: readonly string[], cacheFolder = cache): Promise<Done> =>
  user.run(args, { env: { ...user.keyed, XDG_CACHE_HOME: cacheFolder } })

let oldest = ''

beforeAll(async () => {
  user.write({ 'data/a': 'one' })
  expect(await run(['init'])).toMatchObject({ code: 0 })
  for (const content of ['one', 'two', 'three']) {
    user.write({ 'data/a': content })
    expect(await run(['backup', 'data', '--tag', content])).toMatchObject({ code: 0 })
    oldest ||= readdirSync(user.path('repository/snapshots'))[0] ?? ''
  }
  const path = user.path('repository/snapshots', oldest)
  const bytes = readFileSync(path)
  bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1
  writeFileSync(path, bytes, { mode: 0o600 })
})

afterAll(() => user.remove())

const COMMANDS = [
  [['ls', 'latest']],
  [['dump', 'latest~1:data/a', '--output', 'dumped']],
  [['restore', 'latest', '--target', 'back']],
  [['diff', 'latest~1', 'latest']],
  [['status']],
  [['backup', 'data', '--skip-if-unchanged']],
] as const

/** Each time anew: what the command makes is not there yet. */
async function warningsOf(args: readonly string[], cacheFolder?: string): Promise<string> {
  for (const made of ['dumped', 'back']) rmSync(user.path(made), { recursive: true, force: true })
  const at = args.map((arg) => arg.replace(':data', `:${user.path('data').slice(1)}`))
  const { code, stderr } = await run(at, cacheFolder)
  expect([code, stderr]).toEqual([0, expect.any(String)])
  return stderr
}

test.each(COMMANDS)('%s', async (args) => {
  expect(await warningsOf(args)).not.toContain(oldest)
  // A place where no folder can be made, not even by root.
  expect(await warningsOf(args, user.path('key', 'cache'))).toContain(oldest)
})

test('the one that is spoilt is told of when it is meant', async () => {
  const { code, stderr } = await run(['ls', oldest])
  expect(code).not.toBe(0)
  expect(stderr).toContain('SHA-256')
})
