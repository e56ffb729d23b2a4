// Who is at work, as a user sees it; and what becomes of the leases of a run that was killed.

import { mkdirSync, readdirSync } from 'node:fs'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { noise } from '../repositories/sample.ts'
import { type Line, User } from './user.ts'

let user: User

beforeEach(async () => {
  user = new User()
  await user.run(['init', '--key-file', user.path('key')], { env: user.keyed })
  user.write({ 'source/large': noise(3_000_000, 1) })
})

afterEach(() => {
  user.remove()
})

const sessions = async () => {
  const { last } = await user.json(['lease'], { env: user.keyed })
  return (last as Line & { readonly sessions: readonly Readonly<Record<string, string>>[] })
    .sessions
}

/** A backup that is at work, and reads so slowly that it stays so. */
async function atWork() {
  const child = user.start(['backup', user.path('source'), '--read-rate', '200K'], {
    env: user.keyed,
  })
  const leases = user.path('repository/leases')
  mkdirSync(leases, { recursive: true })
  // The folder of the session, and the lease within it: the folder is there first.
  const there = () => readdirSync(leases, { recursive: true })
  await vi.waitFor(() => expect(there()).toHaveLength(2), { timeout: 20_000 })
  return child
}

test('a backup that is at work is shown, and one that has ended is not', async () => {
  const child = await atWork()
  expect(await sessions()).toMatchObject([{ purpose: 'backup', key: 'owner', isHonoured: true }])
  const { stdout } = await user.run(['status'], { env: user.keyed })
  expect(stdout).toContain('backup')
  child.kill('SIGTERM')
  await new Promise((resolve) => child.on('close', resolve))
  expect(await sessions()).toEqual([])
  expect(readdirSync(user.path('.local/state/cairn/sessions'))).toEqual([])
})

test('what a killed backup left is taken away by the next command of the same machine', async () => {
  const child = await atWork()
  child.kill('SIGKILL')
  await new Promise((resolve) => child.on('close', resolve))
  expect(await sessions()).toEqual([])
})

test('of another machine it stays, and can be ended by its beginning', async () => {
  const child = await atWork()
  child.kill('SIGKILL')
  await new Promise((resolve) => child.on('close', resolve))
  const elsewhere = { ...user.keyed, XDG_STATE_HOME: user.path('elsewhere') }
  const run = (args: readonly string[]) => user.run(args, { env: elsewhere })
  const { stdout } = await run(['lease', '--json'])
  const [session] = (JSON.parse(stdout) as { sessions: { session: string }[] }).sessions
  expect(session).toBeDefined()
  expect((await run(['lease', '--end', 'ffffffff'])).code).toBe(1)
  const done = await run(['lease', '--end', (session?.session ?? '').slice(0, 8)])
  expect(done.code).toBe(0)
  expect((await run(['lease'])).stdout).toContain('Nobody is at work')
})
