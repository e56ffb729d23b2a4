// A repository whose keys or config are gone, and a copy of it: repair puts back what it is opened with.

import { cpSync, rmSync } from 'node:fs'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { User } from './user.ts'

let user: User

beforeEach(async () => {
  user = new User()
  await run('init', '--key-file', user.path('key'))
  user.write({ 'source/file': 'content' })
  expect(await run('backup', user.path('source'))).toMatchObject({ code: 0 })
  cpSync(user.path('repository'), user.path('copy'), { recursive: true, preserveTimestamps: true })
})

afterEach(() => {
  user.remove()
})

const run = (...args: readonly string[]) => user.run(args, { env: user.keyed })

test.each([[['keys']], [['config']], [['config', 'keys']]])(
  'without %s it is opened and mended through the copy',
  async (folders) => {
    for (const folder of folders) rmSync(user.path('repository', folder), { recursive: true })
    expect((await run('snapshots')).code).not.toBe(0)
    expect(await run('repair', '--from', user.path('copy'))).toMatchObject({ code: 0 })
    expect(await run('check', '--read-data')).toMatchObject({ code: 0 })
    expect((await run('snapshots')).stdout).toContain('1 snapshot')
  },
)

test('of a copy of another repository nothing is taken', async () => {
  const other = user.path('other')
  const env = { ...user.keyed, CAIRN_REPOSITORY: other }
  await user.run(['init', '--key-file', user.path('other-key')], { env })
  rmSync(user.path('repository', 'keys'), { recursive: true })
  expect((await run('repair', '--from', other)).code).not.toBe(0)
  expect((await run('snapshots')).code).not.toBe(0)
})
