// Repositories that are damaged, replaced, or full: what a user is told, and that nothing gets worse.

import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { describeWith } from '../require.ts'
import { User } from './user.ts'

let user: User
let env: Readonly<Record<string, string>>

beforeEach(async () => {
  user = new User()
  env = user.keyed
  user.write({ 'data/a.txt': 'aaa', 'data/b.bin': randomBytes(300_000) })
  await user.run(['init'], { env })
  await user.run(['backup', 'data'], { env })
})

afterEach(() => user.remove())

const run = (...args: readonly string[]) => user.run(args, { env })

/** The paths of the objects in a folder of the repository. */
function objectsIn(folder: string): readonly string[] {
  const path = user.path('repository', folder)
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

function flipBit(path: string, at = -1): void {
  const bytes = readFileSync(path)
  const place = at < 0 ? bytes.length + at : at
  bytes[place] = (bytes[place] as number) ^ 1
  writeFileSync(path, bytes)
}

describe('damage', () => {
  test('of the config is found by every command, and named', async () => {
    for (const path of objectsIn('config')) flipBit(path)
    for (const args of [['snapshots'], ['backup', 'data'], ['restore', 'latest', '-t', 'x']]) {
      const done = await run(...args)
      expect(done.code).toBe(1)
      expect(done.stderr).toContain('Cannot trust the repository at ')
      expect(done.stderr).toContain('config/00000001')
    }
  })

  test.each(['config/00000001', 'keys/keyring-00000001'])(
    'of what says the version of %s is named, and not taken for a later version only',
    async (name) => {
      flipBit(user.path('repository', name), 7)
      for (const args of [['snapshots'], ['check', '--read-data'], ['backup', 'data']]) {
        const done = await run(...args)
        expect(done.code).toBe(1)
        expect(done.stderr).toContain(`Cannot use ${name}: Cannot decode format version 0`)
        expect(done.stderr).toContain('one flipped bit is enough')
      }
    },
  )

  test('of the only key is told as such, and not as a wrong key', async () => {
    for (const path of objectsIn('keys')) if (!path.includes('keyring')) flipBit(path, 8)
    const done = await run('snapshots')
    expect(done.code).toBe(1)
    expect(done.stderr).toMatch(/none of its keys can be used \(keys\/[0-9a-f]{64}: the SHA-256/)
  })

  test('of very many keys is told in one line that can be read', async () => {
    const [key] = objectsIn('keys').filter((path) => !path.includes('keyring'))
    const bytes = readFileSync(key as string)
    for (let i = 0; i < 20; i++) {
      const name = `${i}`.padStart(2, '0').repeat(32)
      writeFileSync(user.path('repository/keys', name), bytes.subarray(0, 50 + i))
    }
    const other = ['--key-file', user.path('other-key')]
    await run('init', '-r', user.path('other'), ...other)
    const done = await run('snapshots', ...other)
    expect(done.code).toBe(12)
    expect(done.stderr).toMatch(/it opens none of the 21 keys/)
    expect(done.stderr).toContain('; and 17 more)')
    expect(done.stderr.match(/keys\/[0-9a-f]{64}/g)).toHaveLength(3)
  })

  test('junk in a folder of objects harms nothing', async () => {
    writeFileSync(user.path('repository/keys/junk'), 'junk')
    writeFileSync(user.path('repository/snapshots/README'), 'junk')
    expect((await run('snapshots')).code).toBe(0)
  })

  test('of a snapshot leaves the others, lists it, and is 1', async () => {
    await run('backup', 'data', '--tag', 'second')
    flipBit(objectsIn('snapshots')[0] as string)
    const done = await run('snapshots')
    expect(done.code).toBe(1)
    expect(done.stdout).toContain('1 snapshot\n')
    expect(done.stderr).toContain('Cannot use snapshots/')
  })

  test('of the only snapshot is told by whatever wants it, which does not say that there is none', async () => {
    const path = objectsIn('snapshots')[0] as string
    flipBit(path)
    for (const wanted of ['latest', basename(path).slice(0, 8)]) {
      const done = await run('ls', wanted)
      expect(done.code).toBe(1)
      expect(done.stderr).toMatch(
        /Cannot use (the only snapshot in the repository|snapshot \w{8}): /,
      )
      expect(done.stderr).toContain('cairn check')
    }
  })

  test('of data is found by check --read-data, with what it affects, and restore goes on', async () => {
    for (const path of objectsIn('packs')) {
      if (readFileSync(path).length > 200_000) flipBit(path, 100_000)
    }
    const check = await run('check', '--read-data')
    expect(check.code).toBe(1)
    expect(check.stderr).toMatch(/^damaged: packs\//m)
    expect(check.stdout).toContain('found in')
    const restore = await user.json(['restore', 'latest', '-t', 'back'], { env })
    expect(restore.code).toBe(1)
    expect(restore.last).toMatchObject({ event: 'result' })
    const problems = restore.lines.filter(({ event }) => event === 'problem')
    expect(restore.last['problems']).toBe(problems.length)
    expect(problems.length).toBeGreaterThan(0)
  })
})

describe('what a problem of check affects', () => {
  const TWENTY_FIVE = Array.from({ length: 25 }, (_, at) => `data/many files/${at + 10}`)

  beforeEach(async () => {
    user.write(Object.fromEntries(TWENTY_FIVE.map((name) => [name, randomBytes(10_000)])))
    await run('backup', 'data')
    const packs = objectsIn('packs').filter((path) => readFileSync(path).length > 200_000)
    for (const path of packs) rmSync(path)
  })

  test('is listed path by path, and not without end', async () => {
    const { code, stderr } = await run('check')
    expect(code).toBe(1)
    const shown = stderr.split('\n').filter((line) => line.startsWith(`    ${user.path('data')}/`))
    const many = shown.filter((line) => line.includes('/many files/'))
    expect(many).toHaveLength(20)
    for (const line of many) expect(line).toMatch(/\/many files\/\d\d$/)
    expect(stderr).toContain('\n    and 5 more (--json lists all)\n')
    expect(stderr).toMatch(/^ {2}affects snapshots [0-9a-f]{8}$/m)
    expect(shown).toContain(`    ${user.path('data/b.bin')}`)
  })

  test('is complete with --json', async () => {
    const { lines } = await user.json(['check'], { env })
    const paths = lines.flatMap(({ paths }) => (paths ?? []) as readonly { path: string }[])
    const found = paths.map(({ path }) => path)
    expect(found).toEqual(expect.arrayContaining(TWENTY_FIVE.map((name) => user.path(name))))
  })
})

describe('a cache that cannot be written', () => {
  const broken = () => ({ ...env, XDG_CACHE_HOME: user.write({ 'no-folder': 'a file' }) })

  test('is told with its place and what it means, and the backup is made', async () => {
    const { code, stderr } = await user.run(['backup', 'data'], { env: broken() })
    expect(code).toBe(0)
    const place = `${user.path('no-folder')}/cairn/[0-9a-f]+`
    expect(stderr).toMatch(new RegExp(`^warning: Cannot write the cache in ${place}: ENOTDIR`, 'm'))
    expect(stderr).toContain('This backup is not affected')
  })

  test('has a code of its own with --json', async () => {
    const { lines, last } = await user.json(['backup', 'data'], { env: broken() })
    const warnings = lines.filter(({ event }) => event === 'warning')
    expect(warnings).toMatchObject([{ code: 'cache' }])
    expect(last).toMatchObject({ event: 'result' })
  })
})

describe('another repository at the same address', () => {
  test('is refused until it is accepted', async () => {
    rmSync(user.path('repository'), { recursive: true })
    // The attacker's way: the same key file, so that it opens.
    const elsewhere = { ...env, CAIRN_REPOSITORY: user.path('evil') }
    await user.run(['init'], { env: elsewhere })
    cpSync(user.path('evil'), user.path('repository'), { recursive: true })
    const done = await run('backup', 'data')
    expect(done.code).toBe(1)
    expect(done.stderr).toContain('Cannot trust the repository')
    const id = /cairn key trust ([0-9a-f]{8})/.exec(done.stderr)?.[1] ?? ''
    expect((await run('key', 'trust', '00000000')).code).toBe(1)
    expect((await run('snapshots')).code).toBe(1)
    expect((await run('key', 'trust', id)).code).toBe(0)
    expect((await run('backup', 'data')).code).toBe(0)
  })

  test('an older state of it is refused, too', async () => {
    cpSync(user.path('repository'), user.path('older'), { recursive: true })
    const key = ['key', 'add', '--label', 'web1', '--role', 'writer', '--new-key-file', 'web1.key']
    expect((await run(...key)).code).toBe(0)
    expect((await run('snapshots')).code).toBe(0)
    rmSync(user.path('repository'), { recursive: true })
    cpSync(user.path('older'), user.path('repository'), { recursive: true })
    const done = await run('snapshots')
    expect(done.code).toBe(1)
    expect(done.stderr).toContain('its config went back from generation 2 to 1')
  })

  test('made anew by init it is trusted', async () => {
    rmSync(user.path('repository'), { recursive: true })
    expect((await run('init')).code).toBe(0)
    expect((await run('backup', 'data')).code).toBe(0)
  })

  test('a machine that remembers nothing, or nonsense, opens it', async () => {
    const states = user.path('.local/state/cairn/repositories')
    for (const name of readdirSync(states)) writeFileSync(join(states, name), '{"address":7')
    expect((await run('snapshots')).code).toBe(0)
    rmSync(dirname(states), { recursive: true })
    expect((await run('snapshots')).code).toBe(0)
  })
})

describe('losing what this machine keeps', () => {
  test('the cache costs one full read, and nothing else', async () => {
    expect((await run('cache', 'show')).stdout).toContain(user.path('repository'))
    expect((await run('cache', 'clear')).stdout).toMatch(/^Cleared /)
    const { last } = await user.json(['backup', 'data'], { env })
    expect(last).toMatchObject({ event: 'result', filesRead: 2, filesUnchanged: 0 })
    rmSync(user.path('.cache'), { recursive: true })
    expect((await run('restore', 'latest', '-t', 'back')).code).toBe(0)
  })

  test('a home that cannot be written to is no hindrance to reading', async () => {
    rmSync(user.path('.local'), { recursive: true })
    writeFileSync(user.path('.local'), 'in the way')
    expect((await run('snapshots')).code).toBe(0)
  })
})

describe('few files may be open', () => {
  const limited = (limit: number, ...args: readonly string[]) =>
    user.run(args, { env, under: ['sh', '-c', `ulimit -n ${limit}; exec "$@"`, 'sh'] })

  beforeEach(() => {
    const names = Array.from({ length: 100 }, (_, i) => [`many/${'a/'.repeat(i)}file`, String(i)])
    user.write(Object.fromEntries(names) as Record<string, string>)
  })

  test('that is no matter of single files: backup and restore end, and say what to do', async () => {
    const saved = await limited(80, 'backup', 'many')
    expect(saved.code).toBe(1)
    expect(saved.stderr).toMatch(/^cairn: Cannot go on reading: too many open files\n.*ulimit -n/m)
    expect(saved.stderr).not.toContain('unreadable')
    expect(await run('backup', 'many')).toMatchObject({ code: 0 })
    const restored = await limited(60, 'restore', 'latest', '-t', 'back')
    expect(restored.code).toBe(1)
    expect(restored.stderr).toMatch(/too many open files.*\n.*ulimit -n/)
  })

  test('256 are enough', async () => {
    expect(await limited(256, 'backup', 'many')).toMatchObject({ code: 0 })
    expect((await limited(256, 'restore', 'latest', '-t', 'back', '--verify')).code).toBe(0)
  })
})

describe('a state folder that cannot be written', () => {
  test('is told while there is something to remember', async () => {
    const state = user.path('.local/state/cairn')
    const told = () =>
      user.run(['snapshots'], { env: { ...env, XDG_STATE_HOME: user.path('data/a.txt') } })
    const first = await told()
    expect(first.code).toBe(0)
    expect(first.stderr).toMatch(/^warning: Cannot remember in .* which repository this is: /)
    expect(readdirSync(state)).toEqual(['repositories', 'sessions'])
    expect((await run('snapshots')).stderr).not.toContain('warning')
  })
})

describeWith('a repository on a full disk', ['tmpfs'], () => {
  const mount = () => user.path('small')

  beforeEach(() => {
    mkdirSync(mount())
    spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'none', mount()])
    env = { ...env, CAIRN_REPOSITORY: user.path('small/repository') }
  })

  afterEach(() => {
    spawnSync('umount', [mount()])
  })

  test('is 1 and says so; what was saved before is whole', async () => {
    expect((await run('init')).code).toBe(0)
    expect((await run('backup', 'data')).code).toBe(0)
    user.write({ 'large/a': randomBytes(20 * 1024 ** 2) })
    const full = await run('backup', 'large')
    expect(full.code).toBe(1)
    expect(full.stderr).toContain('the disk is full')
    expect(full.stderr).not.toContain('unreadable')
    expect((await run('check', '--read-data')).code).toBe(0)
    expect((await run('restore', 'latest', '-t', 'back', '--verify')).code).toBe(0)
    expect(readFileSync(user.path('back', user.path('data/a.txt')), 'utf8')).toBe('aaa')
  })

  test('a target that is full ends the restore with 1, and says so', async () => {
    env = { ...env, CAIRN_REPOSITORY: user.path('repository') }
    user.write({ 'large/a': randomBytes(20 * 1024 ** 2) })
    await run('backup', 'large')
    const full = await run('restore', 'latest', '-t', 'small/back')
    expect(full.code).toBe(1)
    expect(full.stderr).toMatch(/full|space/)
  })
})
