// A repository whose keys, config or forget records are gone, and a copy of it: repair puts them back.

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

test('forget records that are gone come back from a copy, and explain what is missing', async () => {
  for (const text of ['two', 'three']) {
    user.write({ 'source/file': text })
    expect(await run('backup', user.path('source'))).toMatchObject({ code: 0 })
  }
  expect(await run('forget', '--keep-last', '1')).toMatchObject({ code: 0 })
  expect(await run('sync', '--to', user.path('copy-2'))).toMatchObject({ code: 0 })
  rmSync(user.path('repository/forgets'), { recursive: true })
  expect(await run('check')).toMatchObject({ code: 1 })
  expect(await run('repair', '--from', user.path('copy-2'))).toMatchObject({ code: 0 })
  expect(await run('check')).toMatchObject({ code: 0 })
  expect((await run('snapshots')).stdout).toContain('1 snapshot')
})
