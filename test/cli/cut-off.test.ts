// A store that cuts off the newest snapshots with their receipts: nothing that is left tells of them. The
// machine that saved them does, unless somebody forgot them.

import { readdirSync, rmSync, statSync } from 'node:fs'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { User } from './user.ts'

let user: User

beforeEach(async () => {
  user = new User()
  await user.run(['init', '--key-file', user.path('key')], { env: user.keyed })
  for (const text of ['one', 'two', 'three']) {
    user.write({ 'source/file': text })
    expect(await run('backup', user.path('source'))).toMatchObject({ code: 0 })
  }
})

afterEach(() => {
  user.remove()
})

const run = (...args: readonly string[]) => user.run(args, { env: user.keyed })

/** Removes the newest object of each of these folders. */
function cutOff(...folders: readonly string[]): void {
  for (const folder of folders) {
    const path = (name: string) => user.path('repository', folder, name)
    const names = readdirSync(user.path('repository', folder))
    names.sort((a, b) => statSync(path(a)).mtimeMs - statSync(path(b)).mtimeMs)
    rmSync(path(names.at(-1) as string))
  }
}

test('is noticed by check on the machine that saved them', async () => {
  expect(await run('check')).toMatchObject({ code: 0 })
  cutOff('snapshots', 'receipts')
  const { code, stdout, stderr } = await run('check')
  expect(code).toBe(1)
  expect(stdout + stderr).toContain('nobody forgot it')
})

test('so is the receipt of the newest alone', async () => {
  cutOff('receipts')
  const { code, stdout, stderr } = await run('check')
  expect(code).toBe(1)
  expect(stdout + stderr).toContain('this machine knew one')
})

test.each([['snapshots'], ['backup']])(
  'and %s warns of that, and does not make check forget it',
  async (command) => {
    cutOff('receipts')
    const { code, stderr } = await run(
      command,
      ...(command === 'backup' ? [user.path('source')] : []),
    )
    expect(code).toBe(0)
    expect(stderr).toContain('no longer confirmed')
    const checked = await run('check')
    expect(checked.code).toBe(1)
    expect(checked.stdout + checked.stderr).toContain('this machine knew one')
    // A receipt is put again where all is there.
    expect(await run('repair')).toMatchObject({ code: 0 })
    expect(await run('check')).toMatchObject({ code: 0 })
  },
)

test('is noticed by the next backup, which is saved all the same', async () => {
  cutOff('snapshots', 'receipts')
  const { code, stderr } = await run('backup', user.path('source'))
  expect(code).toBe(0)
  expect(stderr).toContain('nobody forgot it')
  expect((await run('backup', user.path('source'))).stderr).not.toContain('nobody forgot it')
  // It stays so for check, until somebody gives it up.
  expect(await run('check')).toMatchObject({ code: 1 })
  expect(await run('repair', '--mark-lost')).toMatchObject({ code: 0 })
  expect(await run('check')).toMatchObject({ code: 0 })
})

test('listing warns of it, and does not make check forget it', async () => {
  cutOff('snapshots', 'receipts')
  const { code, stderr } = await run('snapshots')
  expect(code).toBe(0)
  expect(stderr).toContain('nobody forgot it')
  await run('snapshots')
  expect(await run('check')).toMatchObject({ code: 1 })
})

test('what was forgotten, or stands under another id, is missed by nobody', async () => {
  expect(await run('tag', 'latest', '--add', 'kept')).toMatchObject({ code: 0 })
  expect(await run('check')).toMatchObject({ code: 0 })
  expect(await run('forget', 'latest')).toMatchObject({ code: 0 })
  expect(await run('check')).toMatchObject({ code: 0 })
  const { code, stderr } = await run('backup', user.path('source'))
  expect(code).toBe(0)
  expect(stderr).not.toContain('nobody forgot it')
})

test('a machine that has seen them listed knows them too', async () => {
  const elsewhere = { ...user.keyed, XDG_STATE_HOME: user.path('elsewhere') }
  const there = (...args: readonly string[]) => user.run(args, { env: elsewhere })
  expect(await there('snapshots')).toMatchObject({ code: 0 })
  cutOff('snapshots', 'receipts')
  expect(await there('check')).toMatchObject({ code: 1 })
})

test.each([['ls', 'latest'], ['status'], ['forget', '--keep-last', '1', '--dry-run']])(
  '%s %s warns of it each time, until it is given up',
  async (...command) => {
    cutOff('snapshots', 'receipts')
    for (let times = 0; times < 2; times++)
      expect((await run(...command)).stderr).toContain('nobody forgot it')
    expect(await run('repair', '--mark-lost')).toMatchObject({ code: 0 })
    const { code, stderr } = await run(...command)
    expect(code).toBe(0)
    expect(stderr).not.toContain('nobody forgot it')
  },
)

test('restore of the latest one warns that it is not', async () => {
  cutOff('snapshots', 'receipts')
  const { code, stderr } = await run('restore', 'latest', '--target', user.path('target'))
  expect(code).toBe(0)
  expect(stderr).toContain('nobody forgot it')
})

test('sync --delete takes nothing from the copy for it', async () => {
  const inCopy = () => readdirSync(user.path('copy/snapshots')).length
  expect(await run('sync', '--to', user.path('copy'))).toMatchObject({ code: 0 })
  cutOff('snapshots', 'receipts')
  const { code, stderr } = await run('sync', '--to', user.path('copy'), '--delete')
  expect(code).toBe(3)
  expect(stderr).toMatch(/^missing: snapshots\/[0-9a-f]{64}: .*no forget record there says why/)
  expect(inCopy()).toBe(3)
  expect(await run('repair', '--from', user.path('copy'))).toMatchObject({ code: 0 })
  expect(await run('sync', '--to', user.path('copy'), '--delete')).toMatchObject({ code: 0 })
  expect(inCopy()).toBe(3)
})

test('sync --delete takes from the copy what was forgotten, the newest too', async () => {
  expect(await run('sync', '--to', user.path('copy'))).toMatchObject({ code: 0 })
  expect(await run('forget', 'latest')).toMatchObject({ code: 0 })
  expect(await run('sync', '--to', user.path('copy'), '--delete')).toMatchObject({ code: 0 })
  expect(readdirSync(user.path('copy/snapshots'))).toHaveLength(2)
})
