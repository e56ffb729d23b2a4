// Objects that are listed and cannot be read: one of them keeps nobody from the others. A right that is missing
// stands for the bad sector, because it takes no waiting.

import { execFileSync } from 'node:child_process'
import { chmodSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { describeWith } from '../require.ts'
import { type Done, User } from './user.ts'

const NOBODY = 65534

describeWith('one object that cannot be read', ['root', 'other-user'], () => {
  const under = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups']
  const user = new User()
  const env = { ...user.keyed, NODE_COMPILE_CACHE: user.path('compiled') }
  const run = (...args: readonly string[]): Promise<Done> => user.run(args, { env, under })
  let shut: string | undefined

  beforeAll(async () => {
    user.write({ 'data/a': 'one' })
    execFileSync('chown', ['-R', `${NOBODY}:${NOBODY}`, user.home])
    expect(await run('init')).toMatchObject({ code: 0 })
    const reader = ['key', 'add', '--role', 'reader', '--label', 'r', '--new-key-file', 'r.key']
    expect(await run(...reader)).toMatchObject({ code: 0 })
    for (const tag of ['one', 'two', 'three']) {
      user.write({ 'data/a': tag })
      expect(await run('backup', 'data', '--tag', tag)).toMatchObject({ code: 0 })
    }
  })

  afterEach(() => {
    if (shut !== undefined) chmodSync(shut, 0o600)
    shut = undefined
  })

  afterAll(() => user.remove())

  /** Takes the right to read one object away. Returns its name. */
  function shutOne(folder: string, which: (path: string) => boolean = () => true): string {
    const path = readdirSync(user.path('repository', folder), { recursive: true, encoding: 'utf8' })
      .map((name) => join(folder, name))
      .find((name) => /[0-9a-f]{64}$/.test(name) && which(user.path('repository', name)))
    if (path === undefined) throw new Error(`nothing in ${folder}`)
    shut = user.path('repository', path)
    chmodSync(shut, 0)
    return path
  }

  async function expectOthersRestored(): Promise<void> {
    const { last } = await user.json(['snapshots'], { env, under })
    const listed = last['snapshots'] as readonly {
      id: string
      tags: string[]
      confirmed: boolean
    }[]
    const good = listed.filter(({ confirmed }) => confirmed)
    expect(good.length).toBeGreaterThanOrEqual(2)
    for (const { id, tags } of good) {
      const target = `back-${id.slice(0, 8)}`
      expect((await run('restore', `${id}:${user.path('data')}`, '-t', target)).code).toBe(0)
      expect(readFileSync(user.path(target, 'a'), 'utf8')).toBe(tags[0])
      execFileSync('rm', ['-r', user.path(target)])
    }
  }

  test('a snapshot: the others are listed and restored, and it is named', async () => {
    const name = shutOne('snapshots')
    const done = await run('snapshots')
    expect(done.code).toBe(1)
    expect(done.stdout).toContain('2 snapshots\n')
    expect(done.stderr).toContain(`Cannot read ${name} in `)
    await expectOthersRestored()
    expect(await run('ls', 'latest')).toMatchObject({ code: 0 })
    // On a machine that has not read it before.
    const elsewhere = { ...env, XDG_CACHE_HOME: user.path('other-cache') }
    const latest = await user.run(['ls', 'latest'], { env: elsewhere, under })
    expect(latest.code).toBe(0)
    expect(latest.stderr).toContain(`warning: Cannot read ${name} in `)
  })

  test('a receipt: its snapshot does not count, the others do', async () => {
    const name = shutOne('receipts')
    const done = await run('snapshots')
    expect(done.code).toBe(1)
    expect(done.stdout.match(/unconfirmed/g)).toHaveLength(1)
    expect(done.stderr).toContain(name)
    await expectOthersRestored()
  })

  test('an index segment: everything is restored', async () => {
    shutOne('index')
    await expectOthersRestored()
    const stats = await run('stats')
    expect(stats.code).toBe(0)
    expect(stats.stderr).toContain('warning: Cannot read index/')
  })

  test("another's key: the repository opens, and the key is listed", async () => {
    const { last } = await user.json(['key', 'list'], { env, under })
    const keys = last['keys'] as readonly { id: string; label: string }[]
    const reader = keys.find(({ label }) => label === 'r')
    shutOne('keys', (path) => path.endsWith(reader?.id ?? 'none'))
    const listed = await run('key', 'list')
    expect(listed.code).toBe(0)
    expect(listed.stdout).toMatch(/ r +reader .*not usable/)
    // On a new machine, where nothing says which key to try.
    const elsewhere = { ...env, XDG_STATE_HOME: user.path('elsewhere') }
    expect(await user.run(['snapshots'], { env: elsewhere, under })).toMatchObject({ code: 0 })
  })

  test('the newest config: a machine that knows it does not go back, and says what is wrong', async () => {
    const add = ['key', 'add', '--role', 'writer', '--label', 'w', '--new-key-file', 'w.key']
    expect((await run(...add)).code).toBe(0)
    expect((await run('snapshots')).code).toBe(0)
    const name = 'config/00000002'
    shut = user.path('repository', name)
    chmodSync(shut, 0)
    const done = await run('snapshots')
    expect(done.code).toBe(1)
    expect(done.stderr).toContain(`warning: Passed over ${name}: `)
    expect(done.stderr).toContain('went back from generation 2 to 1')
    const elsewhere = { ...env, XDG_STATE_HOME: user.path('anywhere') }
    const options = { env: elsewhere, under }
    expect((await user.run(['snapshots'], options)).code).toBe(0)
    const more = ['key', 'add', '--role', 'writer', '--label', 'x', '--new-key-file', 'x.key']
    const refused = await user.run(more, options)
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('Cannot change the config: a newer one cannot be read')
  })
})
