// A store that loses a hold, or keeps it back: the machine that knew it says so, and forgets nothing until somebody
// has released it or held the snapshot again.

import { readdirSync, rmSync } from 'node:fs'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { User } from './user.ts'

let user: User
let ids: readonly string[]

const run = (...args: readonly string[]) => user.run(args, { env: user.keyed })

beforeEach(async () => {
  user = new User()
  await run('init', '--key-file', user.path('key'))
  for (const text of ['one', 'two', 'three']) {
    user.write({ 'source/file': text })
    expect(await run('backup', user.path('source'))).toMatchObject({ code: 0 })
  }
  const { last } = await user.json(['snapshots'], { env: user.keyed })
  ids = (last['snapshots'] as readonly { readonly id: string }[]).map(({ id }) => id)
  expect(await run('hold', ids[0] as string)).toMatchObject({ code: 0 })
})

afterEach(() => {
  user.remove()
})

function loseHolds(): void {
  const folder = user.path('repository/holds')
  for (const name of readdirSync(folder)) rmSync(`${folder}/${name}`)
}

test('is found by check, and nothing is forgotten', async () => {
  expect(await run('check')).toMatchObject({ code: 0 })
  loseHolds()
  for (let again = 0; again < 2; again++) {
    const { code, stdout, stderr } = await run('check')
    expect(code).toBe(1)
    expect(stdout + stderr).toContain('nobody released it')
    const forget = await run('forget', '--keep-last', '1')
    expect(forget.code).toBe(1)
    expect(forget.stderr).toContain(`cairn hold ${(ids[0] as string).slice(0, 8)}`)
  }
  expect((await run('snapshots')).stdout).toContain('3 snapshots')
})

test.each(['hold', 'release'])('is settled by %s', async (command) => {
  loseHolds()
  expect(await run('check')).toMatchObject({ code: 1 })
  expect(await run(command, ids[0] as string)).toMatchObject({ code: 0 })
  expect(await run('check')).toMatchObject({ code: 0 })
  expect(await run('forget', '--keep-last', '1')).toMatchObject({ code: 0 })
  const left = command === 'hold' ? '2 snapshots' : '1 snapshot'
  expect((await run('snapshots')).stdout).toContain(left)
})

test('what was released, here or elsewhere, is missed by nobody', async () => {
  const elsewhere = { ...user.keyed, XDG_STATE_HOME: user.path('elsewhere') }
  const release = await user.run(['release', ids[0] as string], { env: elsewhere })
  expect(release).toMatchObject({ code: 0 })
  expect(await run('check')).toMatchObject({ code: 0 })
  expect(await run('forget', '--keep-last', '1')).toMatchObject({ code: 0 })
})

test('of a snapshot whose tags were changed it is settled by what stands for it', async () => {
  expect(await run('tag', '--add', 'kept', ids[0] as string)).toMatchObject({ code: 0 })
  loseHolds()
  expect(await run('check')).toMatchObject({ code: 1 })
  const { last } = await user.json(['snapshots', '--tag', 'kept'], { env: user.keyed })
  const [now] = (last['snapshots'] as readonly { readonly id: string }[]).map(({ id }) => id)
  expect(await run('hold', now as string)).toMatchObject({ code: 0 })
  expect(await run('check')).toMatchObject({ code: 0 })
})
