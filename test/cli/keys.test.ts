// `cairn key` and `cairn init`: who may do what, and that secrets stay secret.

import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ended, User } from './user.ts'

const user = new User()
const env = user.keyed
const as = (key: string) => ({ ...env, CAIRN_KEY_FILE: user.path(`${key}.key`) })
const run = (args: readonly string[], who = env) => user.run(args, { env: who })

beforeAll(async () => {
  user.write({ 'data/a.txt': 'aaa' })
  await run(['init', '--label', 'mine'])
  await run(['backup', 'data'])
  for (const role of ['owner', 'writer', 'reader', 'upkeep']) {
    const args = ['key', 'add', '--label', role, '--role', role, '--new-key-file', `${role}.key`]
    const share = role === 'writer' ? ['--domain', 'default', '--host', 'web1'] : []
    expect(await run([...args, ...share])).toMatchObject({ code: 0 })
  }
})

afterAll(() => user.remove())

describe('roles', () => {
  test.each([
    ['owner', { snapshots: 0, ls: 0, find: 0, backup: 0, check: 0, read: 0, key: 0 }],
    ['writer', { snapshots: 0, ls: 12, find: 12, backup: 0, check: 0, read: 12, key: 12 }],
    ['reader', { snapshots: 0, ls: 0, find: 0, backup: 12, check: 0, read: 0, key: 12 }],
    ['upkeep', { snapshots: 0, ls: 12, find: 12, backup: 12, check: 0, read: 12, key: 12 }],
  ])('%s', async (role, expected) => {
    const code = async (...args: readonly string[]) => (await run(args, as(role))).code
    expect({
      snapshots: await code('snapshots'),
      ls: await code('ls', 'latest'),
      find: await code('find', 'a.txt'),
      backup: await code('backup', 'data', '--host', 'web1'),
      check: await code('check'),
      read: await code('check', '--read-data'),
      key: await code('key', 'add', '--label', 'x', '--new-key-file', 'x.key'),
    }).toEqual(expected)
  })

  test.each(['writer', 'reader', 'upkeep'])(
    '%s removes no key, be it there or not',
    async (role) => {
      for (const key of ['reader', 'writer', 'nobody']) {
        const done = await run(['key', 'remove', key], as(role))
        expect(done.stderr).toContain("is not an owner's key")
        expect(done.code).toBe(12)
      }
    },
  )

  test('who may not read finds nothing, and is told so once', async () => {
    await run(['backup', 'data', '--tag', 'again'])
    const { last, lines } = await user.json(['find', 'a.txt'], { env: as('writer') })
    expect(lines).toHaveLength(1)
    expect(last).toMatchObject({ event: 'error', code: 'not-permitted' })
  })

  test('who may not read sees no host and no path', async () => {
    const done = await run(['snapshots'], as('upkeep'))
    expect(done.stdout).not.toContain('data')
    expect(done.stdout.split('\n')[1]).toMatch(/ - +- +- /)
  })
})

describe('the list', () => {
  test('shows the owner all of it, others their own', async () => {
    const { last } = await user.json(['key', 'list'], { env })
    const keys = last['keys'] as readonly { label?: string; current: boolean }[]
    expect(keys.map(({ label }) => label)).toEqual(
      expect.arrayContaining(['mine', 'owner', 'writer', 'reader', 'upkeep']),
    )
    expect(keys.find(({ current }) => current)?.label).toBe('mine')
    const others = await user.json(['key'], { env: as('reader') })
    const labels = (others.last['keys'] as readonly { label?: string }[]).map(({ label }) => label)
    expect(labels.filter((label) => label !== undefined)).toEqual(['reader'])
  })
})

describe('taking back and changing', () => {
  test('a removed key opens nothing, and what it saved stays', async () => {
    await run([
      'key',
      'add',
      '--label',
      'gone',
      '--role',
      'writer',
      '--domain',
      'default',
      '--new-key-file',
      'gone.key',
    ])
    await run(['backup', 'data', '--tag', 'by-gone'], as('gone'))
    expect((await run(['key', 'remove', 'gone'])).code).toBe(0)
    expect((await run(['backup', 'data'], as('gone'))).code).toBe(12)
    const { last } = await user.json(['snapshots', '--tag', 'by-gone'], { env })
    expect(last['snapshots']).toHaveLength(1)
  })

  test('the last owner stays', async () => {
    const other = new User()
    await other.run(['init'], { env: other.keyed })
    const done = await other.run(['key', 'remove', 'owner'], { env: other.keyed })
    expect(done.code).toBe(2)
    expect((await other.run(['snapshots'], { env: other.keyed })).code).toBe(0)
    other.remove()
  })

  test('a key that its holder has changed is the same to the owner, and goes when it is removed', async () => {
    const add = ['key', 'add', '--label', 'auditor', '--role', 'reader']
    expect((await run([...add, '--new-key-file', 'auditor.key'])).code).toBe(0)
    const change = ['key', 'passwd', '--new-key-file', 'changed.key']
    expect((await run(change, as('auditor'))).code).toBe(0)
    expect((await run(['snapshots'], as('changed'))).code).toBe(0)
    const { stdout } = await run(['key', 'list'])
    expect(stdout.match(/auditor/g)).toHaveLength(1)
    expect(stdout).toMatch(/auditor +reader/)
    expect(stdout).not.toContain('gone')
    expect(stdout).not.toContain('not known')
    expect((await run(['key', 'remove', 'auditor'])).code).toBe(0)
    expect((await run(['snapshots'], as('changed'))).code).toBe(12)
  })

  test("that an owner's key cannot be taken back is said, whatever else is not", async () => {
    const add = ['key', 'add', '--label', 'boss', '--new-key-file', 'boss.key']
    await run(add)
    const done = await run(['key', 'remove', 'boss', '--quiet'])
    expect(done.code).toBe(0)
    expect(done.stderr).toMatch(/^warning: .*every owner's key holds the same secret/)
    expect(done.stderr).toContain('make a new repository')
    await run([...add.slice(0, -1), 'boss2.key'])
    const { lines } = await user.json(['key', 'remove', 'boss'], { env })
    expect(lines).toMatchObject([
      { event: 'warning', code: 'key-not-revoked' },
      { event: 'result' },
    ])
  })

  test('what is not there is not removed', async () => {
    expect((await run(['key', 'remove', 'nobody'])).code).toBe(1)
  })

  test.each(['owner', 'writer', 'mine'])(
    'the label %s is taken: no second key has it',
    async (label) => {
      const keys = readdirSync(user.path('repository/keys')).length
      const done = await run(['key', 'add', '--label', label, '--new-key-file', 'second.key'])
      expect(done.code).toBe(1)
      expect(done.stderr).toContain(`There is a key ${label} already`)
      expect(readdirSync(user.path('repository/keys'))).toHaveLength(keys)
      expect(() => statSync(user.path('second.key'))).toThrow('ENOENT')
    },
  )

  test('another passphrase opens, the old one no longer', async () => {
    user.write({ old: 'one two three four\n', new: 'five six seven eight\n' })
    const add = ['key', 'add', '--label', 'words', '--new-passphrase-file', 'old']
    expect((await run(add)).code).toBe(0)
    const words = (file: string) => ({
      CAIRN_REPOSITORY: user.path('repository'),
      CAIRN_PASSPHRASE_FILE: file,
    })
    expect((await run(['key', 'passwd', '--new-passphrase-file', 'new'], words('old'))).code).toBe(
      0,
    )
    expect((await run(['snapshots'], words('old'))).code).toBe(12)
    expect((await run(['snapshots'], words('new'))).code).toBe(0)
  })

  test('the default repository: the file with the generated passphrase goes', async () => {
    const other = new User()
    other.write({ 'data/a': 'a', new: 'five six seven eight\n' })
    await other.run(['backup', 'data'])
    expect((await other.run(['key', 'passwd', '--new-passphrase-file', 'new'])).code).toBe(0)
    expect(() => statSync(other.path('.local/share/cairn/passphrase'))).toThrow('ENOENT')
    expect((await other.run(['snapshots'])).code).toBe(2)
    expect((await other.run(['snapshots', '--passphrase-file', 'new'])).code).toBe(0)
    other.remove()
  })
})

describe('new secrets', () => {
  test.each(['', 'short', 'aaaaaaaaaaaaaaaa', 'password123', '1212121212121212'])(
    'a weak passphrase is refused: %j',
    async (weak) => {
      user.write({ weak: `${weak}\n` })
      const done = await user.run(['init', '-r', 'weak-repository', '--passphrase-file', 'weak'])
      expect(done.code).toBe(2)
      expect(() => statSync(user.path('weak-repository'))).toThrow('ENOENT')
    },
  )

  test('a key file is made for its owner alone, and never overwritten', async () => {
    expect(statSync(user.path('key')).mode & 0o777).toBe(0o600)
    const before = readFileSync(user.path('key'), 'utf8')
    await user.run(['init', '-r', 'second', '--key-file', 'key'])
    expect(readFileSync(user.path('key'), 'utf8')).toBe(before)
    expect(readdirSync(user.home).filter((name) => name.endsWith('.new'))).toEqual([])
  })

  test('a repository that is there is left as it is', async () => {
    const done = await run(['init'])
    expect(done.code).toBe(1)
    expect(done.stderr).toContain('There is a repository at')
    expect((await run(['snapshots'])).code).toBe(0)
  })
})

describe('secrets', () => {
  test('are in no output, whatever goes wrong', async () => {
    const secret = 'tremendous-secret-words'
    const words = { CAIRN_REPOSITORY: user.path('repository'), CAIRN_PASSPHRASE: secret }
    for (const args of [['snapshots'], ['backup', 'data', '--verbose'], ['check', '--json']]) {
      const done = await run(args, words)
      expect(done.code).toBe(12)
      expect(done.stdout + done.stderr).not.toContain(secret)
    }
  })

  test('are not in the environment of programs that Cairn starts', async () => {
    const words = {
      CAIRN_REPOSITORY: user.path('repository'),
      CAIRN_PASSPHRASE: 'in the environment',
    }
    const command = 'env > seen; echo wrong wrong'
    await run(['snapshots', '--passphrase-command', command], words)
    expect(readFileSync(user.path('seen'), 'utf8')).not.toContain('in the environment')
  })
})

describe('on a terminal', () => {
  /** Runs under a pseudo-terminal and types each answer when its question is there. */
  async function typed(command: string, dialogue: readonly (readonly [RegExp, string])[]) {
    const cairn = new URL('../../bin/cairn', import.meta.url).pathname
    const child = spawn('script', ['-qec', `${cairn} ${command}`, '/dev/null'], {
      cwd: user.home,
      env: { PATH: process.env['PATH'], HOME: user.home, TERM: 'xterm' },
    })
    let seen = ''
    const left = [...dialogue]
    child.stdout.on('data', (text: Buffer) => {
      seen += text.toString()
      const [next] = left
      if (next === undefined || !next[0].test(seen)) return
      left.shift()
      seen = ''
      setTimeout(() => child.stdin.write(`${next[1]}\r`), 300)
    })
    return ended(child)
  }

  test.each([
    ['Ctrl-C', '\x03'],
    ['Ctrl-D', '\x04'],
  ])('%s at a question cancels', async (_, key) => {
    for (const command of [`snapshots -r ${user.path('repository')}`, 'init -r cancelled']) {
      const done = await typed(command, [[/assphrase/, key]])
      expect(done.stdout).toContain('Cancelled: nothing was changed')
      expect(done.stdout).not.toContain('Warning')
      expect(done.code).toBe(130)
    }
  })

  test('init asks twice and shows nothing of it; wrong answers may be corrected', async () => {
    const words = 'many words to remember'
    const made = await typed('init -r asked', [
      [/New passphrase/, words],
      [/Once more/, words],
    ])
    expect(made.stdout).toContain('Made repository')
    expect(made.stdout).not.toContain(words)
    const opened = await typed('snapshots -r asked', [
      [/Passphrase of/, 'wrong one'],
      [/That is not it[^]*Passphrase of/, words],
    ])
    expect(opened.stdout).toContain('No snapshots yet')
    expect(opened.code).toBe(0)
  })
})
