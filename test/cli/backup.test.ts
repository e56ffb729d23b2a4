// `cairn backup` as a user types it.

import { spawnSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  chownSync,
  mkdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { describeWith } from '../require.ts'
import { ended, User } from './user.ts'

const user = new User()
const env = user.keyed

beforeAll(async () => {
  user.write({
    'data/a.txt': 'aaa',
    'data/b.iso': 'bbb',
    'data/sub/c.txt': 'ccc',
    'data/sub/node_modules/d.js': 'ddd',
    'data/big': Buffer.alloc(200_000, 'x'),
    'data/cache/CACHEDIR.TAG': 'Signature: 8a477f597d28d172789f06886806bc55\n',
    'data/cache/e': 'eee',
  })
  expect(await user.run(['init'], { env })).toMatchObject({ code: 0 })
})

afterAll(() => user.remove())

/** Backs up; the names in the snapshot, below the home folder. */
async function namesSaved(...args: readonly string[]): Promise<readonly string[]> {
  const done = await user.json(['backup', ...args], { env })
  expect(done.last).toMatchObject({ event: 'result' })
  return names(String(done.last['snapshot']))
}

async function names(snapshot: string): Promise<readonly string[]> {
  const { lines } = await user.json(['ls', '-R', `${snapshot}:/`], { env })
  const paths = lines.filter(({ event }) => event === 'item').map(({ path }) => String(path))
  return paths
    .filter((path) => path.startsWith(`${user.home}/`))
    .map((path) => path.slice(user.home.length + 1))
}

test('a file that grows while it is read is told as that, and is no failure', async () => {
  const path = user.write({ 'growing/file': Buffer.alloc(32 << 20, 'x') })
  const child = user.start(['backup', 'growing', '--read-rate', '16M', '--json'], { env })
  child.stdout?.on('data', (text: Buffer) => {
    if (/"readBytes":[1-9]/.test(text.toString())) appendFileSync(path, 'more')
  })
  const { code, stdout } = await ended(child)
  expect(code).toBe(0)
  const told = stdout.split('\n').find((line) => line.includes('"event":"problem"'))
  expect(JSON.parse(told ?? '{}')).toMatchObject({ kind: 'changed', change: 'grew', path })
})

describe('what is taken', () => {
  test('everything below the named folders, with the way to them', async () => {
    expect(await namesSaved('data/sub', 'data/a.txt')).toEqual([
      'data',
      'data/a.txt',
      'data/sub',
      'data/sub/c.txt',
      'data/sub/node_modules',
      'data/sub/node_modules/d.js',
    ])
  })

  test('less what patterns, caches, sizes and .cairnignore leave out', async () => {
    user.write({ patterns: '# mine\n*.iso\n' })
    user.write({ 'data/sub/.cairnignore': 'c.txt\n' })
    const args = ['--exclude-file', 'patterns', '-e', 'node_modules', '--exclude-caches']
    const saved = await namesSaved('data', ...args, '--exclude-larger-than', '100K')
    user.write({ 'data/sub/.cairnignore': '' })
    expect(saved).toEqual([
      'data',
      'data/a.txt',
      'data/cache',
      'data/cache/CACHEDIR.TAG',
      'data/sub',
      'data/sub/.cairnignore',
    ])
  })

  test('paths from a list, one to a line', async () => {
    user.write({ list: 'data/a.txt\n\ndata/sub/c.txt\n' })
    expect(await namesSaved('--files-from', 'list')).toEqual([
      'data',
      'data/a.txt',
      'data/sub',
      'data/sub/c.txt',
    ])
  })

  test('paths from stdin that end in zero bytes, whatever they hold', async () => {
    user.write({ 'odd/two\nlines': 'x' })
    const args = ['backup', '--files-from0', '-', '--json']
    const done = await user.run(args, { env, input: 'odd/two\nlines\0data/a.txt\0' })
    const { snapshot } = JSON.parse(done.stdout.trim().split('\n').at(-1) ?? '') as {
      snapshot: string
    }
    expect(await names(snapshot)).toEqual(['data', 'data/a.txt', 'odd', 'odd/two\nlines'])
  })

  test('what comes on stdin, as a file', async () => {
    const args = ['backup', '--stdin', '--stdin-filename', 'shop.dump']
    const done = await user.run(args, { env, input: 'dumped' })
    expect(done.code).toBe(0)
    const listed = await user.run(['ls', '-l', 'latest'], { env })
    expect(listed.stdout).toMatch(/ 6 .* \/shop\.dump\n$/)
  })

  test('but not where nothing comes: whatever was to write it has failed', async () => {
    const done = await user.run(['backup', '--stdin'], { env })
    expect(done.code).toBe(1)
    expect(done.stderr).toContain('it has no content')
  })

  test('a link that is named is a link, and with a slash what it leads to', async () => {
    symlinkSync('data/sub', user.path('link'))
    const done = await user.json(['backup', 'link'], { env })
    expect(await names(String(done.last['snapshot']))).toEqual(['link'])
    expect((await user.run(['backup', 'link'], { env })).stderr).toContain('is a symbolic link')
    expect(await namesSaved('link/')).toContain('link/c.txt')
  })

  test('names that are no text, as arguments', async () => {
    const name = Buffer.concat([Buffer.from(user.path('odd/')), Buffer.of(0xff, 0xfe)])
    writeFileSync(name, 'x')
    const script = 'exec "$0" backup odd/$(printf "\\377\\376") --json'
    const bin = new URL('../../bin/cairn', import.meta.url).pathname
    const done = spawnSync('bash', ['-c', script, bin], {
      cwd: user.home,
      env: { PATH: process.env['PATH'], HOME: user.home, ...env },
      encoding: 'utf8',
    })
    const { snapshot } = JSON.parse(done.stdout.trim().split('\n').at(-1) ?? '') as {
      snapshot: string
    }
    expect(await names(snapshot)).toEqual(['odd', 'odd/\\xff\\xfe'])
  })
})

describe('the repository itself', () => {
  test('is left out, with the cache, and that is said', async () => {
    const done = await user.run(['backup', '.'], { env })
    expect(done.code).toBe(0)
    expect(done.stderr).toContain(`Leaving out the repository, ${user.path('repository')}.`)
    expect(done.stderr).toContain("Leaving out Cairn's cache, ")
    const saved = await names('latest')
    expect(saved).toContain('data/a.txt')
    expect(saved.filter((name) => /^(repository|\.cache\/cairn)/.test(name))).toEqual([])
  })

  test('is found through a link too', async () => {
    symlinkSync('.', user.path('here'))
    const saved = await namesSaved('here/')
    expect(saved).toContain('here/data/a.txt')
    expect(saved.filter((name) => name.startsWith('here/repository'))).toEqual([])
  })

  test('cannot be named', async () => {
    for (const path of ['repository', 'repository/packs', 'here/repository']) {
      const done = await user.run(['backup', path], { env })
      expect(done.code).toBe(2)
      expect(done.stderr).toContain('it is the repository itself')
    }
  })
})

describe('what is recorded', () => {
  test('host, tags, source and paths are found again', async () => {
    const args = ['--host', 'web1', '--tag', 'weekly', '--tag', 'big', '--source', 'site']
    await user.run(['backup', 'data/sub', ...args], { env })
    const listed = await user.json(['snapshots', '--host', 'web1', '--tag', 'big'], { env })
    expect(listed.last['snapshots']).toMatchObject([
      {
        host: 'web1',
        tags: ['big', 'weekly'],
        source: 'site',
        paths: [{ path: user.path('data/sub') }],
      },
    ])
    const bySource = await user.json(['snapshots', '--source', 'site'], { env })
    expect(bySource.last['snapshots']).toHaveLength(1)
    const none = await user.json(['snapshots', '--tag', 'none'], { env })
    expect(none.last['snapshots']).toEqual([])
  })

  test('a tag that cannot be one is 2', async () => {
    expect((await user.run(['backup', 'data', '--tag', 'a,b'], { env })).code).toBe(2)
  })

  test('the same paths in another order are the same source', async () => {
    const sourceOf = async (...paths: readonly string[]) => {
      await user.run(['backup', ...paths], { env })
      const { last } = await user.json(['snapshots'], { env })
      return (last['snapshots'] as readonly { source: string }[]).at(-1)?.source
    }
    const both = await sourceOf('data/sub', 'data/a.txt')
    expect(await sourceOf('./data/a.txt', `${user.home}/data/../data/sub/`)).toBe(both)
  })
})

describe('a second run', () => {
  test('reads nothing anew, and with --skip-if-unchanged saves nothing', async () => {
    // Not below /tmp: the folders on the way belong to the tree, and other tests change that one.
    const quiet = new User('/var/tmp')
    const env = quiet.keyed
    await quiet.run(['init'], { env })
    quiet.write({ 'still/a': 'a' })
    // What changed a moment ago is read again: it may change within the same tick of the clock.
    await new Promise((resolve) => setTimeout(resolve, 2500))
    await quiet.run(['backup', 'still'], { env })
    const again = await quiet.json(['backup', 'still', '--skip-if-unchanged'], { env })
    expect(again.last).toMatchObject({ snapshot: null, filesRead: 0, filesUnchanged: 1 })
    const text = await quiet.run(['backup', 'still', '--skip-if-unchanged'], { env })
    quiet.remove()
    expect(text.stdout).toMatch(
      /^Nothing has changed since snapshot [0-9a-f]{8}: made no new snapshot\n/,
    )
  })

  test('dry runs save nothing and say what there is to do', async () => {
    user.write({ 'dry/a': 'a', 'dry/b': 'bb' })
    const before = await user.json(['snapshots'], { env })
    const done = await user.run(['backup', 'dry', '--dry-run'], { env })
    expect(done).toMatchObject({ code: 0, stderr: '' })
    expect(done.stdout).toContain('Would save')
    expect(done.stdout).toContain('2 files to read (3 B), 0 files unchanged')
    const after = await user.json(['snapshots'], { env })
    expect(after.last['snapshots']).toEqual(before.last['snapshots'])
  })
})

describe('paths that are not there', () => {
  test('alone end the backup with 1', async () => {
    const done = await user.run(['backup', 'none'], { env })
    expect(done.code).toBe(1)
    expect(done.stderr).toContain('unreadable: /')
    expect(done.stderr).toContain('Nothing was backed up')
  })

  test('among others are listed, and the exit code is 3', async () => {
    const done = await user.json(['backup', 'none', 'data/a.txt'], { env })
    expect(done.code).toBe(3)
    expect(done.lines).toContainEqual(
      expect.objectContaining({ event: 'problem', kind: 'unreadable', path: user.path('none') }),
    )
    expect(done.last).toMatchObject({ event: 'result', unreadable: 1, files: 1 })
  })
})

describeWith('what this user may not read', ['root', 'other-user'], () => {
  const NOBODY = 65534
  const under = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups']
  const nobody = new User()

  beforeAll(async () => {
    nobody.write({ 'data/open': 'open', 'data/shut': 'shut', 'data/closed/inside': 'x' })
    chmodSync(nobody.path('data/shut'), 0o600)
    chmodSync(nobody.path('data/closed'), 0o700)
    mkdirSync(nobody.path('own'))
    chownSync(nobody.path('own'), NOBODY, NOBODY)
    const own = { HOME: nobody.path('own'), NODE_COMPILE_CACHE: nobody.path('own/compiled') }
    Object.assign(settings, own)
    expect(await nobody.run(['init'], { env: settings, under })).toMatchObject({ code: 0 })
  })

  const settings: Record<string, string> = {
    CAIRN_REPOSITORY: nobody.path('own/repository'),
    CAIRN_KEY_FILE: nobody.path('own/key'),
  }

  afterAll(() => nobody.remove())

  test('is listed, the rest is saved, and the exit code is 3', async () => {
    const done = await nobody.run(['backup', 'data'], { env: settings, under })
    expect(done.code).toBe(3)
    expect(done.stderr).toContain(
      `unreadable: ${nobody.path('data/shut')}: cannot open: permission denied`,
    )
    expect(done.stderr).toContain(`unreadable: ${nobody.path('data/closed')}: `)
    expect(done.stderr).toContain('2 paths could not be read: see above.')
    expect(done.stdout).toContain('Saved snapshot')
    const listed = await nobody.run(['ls', '-R', 'latest'], { env: settings, under })
    expect(listed.stdout).toContain('/data/open\n')
    expect(listed.stdout).not.toContain('shut')
    const { last } = await nobody.json(['snapshots'], { env: settings, under })
    expect(last['snapshots']).toMatchObject([{ ending: 'incomplete', unreadable: 2 }])
  })
})
