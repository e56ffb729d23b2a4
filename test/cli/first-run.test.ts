// Who has configured nothing: `cairn backup` makes a repository, and nothing is lost or given away.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Done, User } from './user.ts'

const user = new User()
let first: Done

beforeAll(async () => {
  user.write({ 'data/a.txt': 'hello', 'data/sub/b.txt': 'world' })
  first = await user.run(['backup', 'data'])
})

afterAll(() => user.remove())

const kept = () => readFileSync(user.path('.local/share/cairn/passphrase'), 'utf8').trim()

describe('the first backup', () => {
  test('makes the repository and saves', () => {
    expect(first.code).toBe(0)
    expect(first.stdout).toMatch(
      /^Saved snapshot [0-9a-f]{8} of .*\/data in .*\/\.local\/share\/cairn\/repository\n/,
    )
    expect(first.stdout).toContain('2 files (10 B), ')
  })

  test('keeps a passphrase of words that only the user can read, and shows it once', () => {
    expect(kept()).toMatch(/^([a-z]+ ){7}[a-z]+$/)
    expect(statSync(user.path('.local/share/cairn/passphrase')).mode & 0o777).toBe(0o600)
    expect(first.stderr.split(kept())).toHaveLength(2)
    expect(first.stderr).toContain('Write the passphrase down')
    expect(first.stdout).not.toContain(kept())
  })
})

describe('later runs', () => {
  test('remind until the passphrase is confirmed, and never show it', async () => {
    const second = await user.run(['backup', 'data'])
    expect(second.code).toBe(0)
    expect(second.stderr).toContain('cairn key confirm')
    expect(second.stderr + second.stdout).not.toContain(kept())
  })

  test('with --quiet remind as well, and say nothing else', async () => {
    const { code, stdout, stderr } = await user.run(['backup', 'data', '--quiet'])
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
    expect(stderr).toMatch(/^warning: .* run `cairn key confirm`\.\n$/)
    const { lines } = await user.json(['snapshots', '--quiet'])
    expect(lines[0]).toMatchObject({ event: 'warning', code: 'passphrase-unconfirmed' })
  })

  test('with --json the reminder is an event, and stderr is empty', async () => {
    const { lines, stderr } = await user.json(['snapshots'])
    expect(stderr).toBe('')
    expect(lines.map(({ event }) => event)).toEqual(['warning', 'result'])
    expect(lines[0]).toMatchObject({ code: 'passphrase-unconfirmed' })
  })

  test('confirming takes the words and not the file', async () => {
    const wrong = await user.run(['key', 'confirm'], { input: 'one two three\n' })
    expect(wrong.code).toBe(12)
    expect((await user.run(['snapshots'])).stderr).toContain('key confirm')
    const right = await user.run(['key', 'confirm'], { input: `${kept().replaceAll(' ', '  ')}\n` })
    expect(right).toMatchObject({ code: 0, stderr: '' })
    expect((await user.run(['snapshots'])).stderr).toBe('')
  })

  test('what was saved comes back', async () => {
    const target = user.path('back')
    expect((await user.run(['restore', 'latest', '--target', target])).code).toBe(0)
    expect(readFileSync(`${target}${user.path('data/sub/b.txt')}`, 'utf8')).toBe('world')
  })
})

describe('another user', () => {
  test('gets no repository from anything but a backup', async () => {
    const other = new User()
    for (const args of [['snapshots'], ['check'], ['ls', 'latest'], ['key', 'list']]) {
      const done = await other.run(args)
      expect(done.code).toBe(10)
      expect(done.stderr).toContain('The first `cairn backup PATH` makes this repository.')
    }
    const dry = await other.run(['backup', '--dry-run', '.'])
    expect(dry.code).toBe(10)
    other.remove()
  })

  test('gets no repository, and no passphrase, where there is nothing to back up', async () => {
    const other = new User()
    other.write({ file: '' })
    for (const args of [['none'], ['none', 'file/none'], ['none', '--json']]) {
      const done = await other.run(['backup', ...args])
      expect(done.code).toBe(1)
      expect(done.stdout + done.stderr).toContain(`there is no ${other.path('none')}`)
      expect(done.stdout + done.stderr).not.toContain('key confirm')
      expect(existsSync(other.path('.local'))).toBe(false)
    }
    expect((await other.run(['backup', 'none', 'file'])).code).toBe(3)
    other.remove()
  })

  test('with --json or --quiet the passphrase is nowhere but in its file', async () => {
    for (const flag of ['--json', '--quiet']) {
      const other = new User()
      other.write({ 'data/a': 'a' })
      const done = await other.run(['backup', 'data', flag])
      const passphrase = readFileSync(other.path('.local/share/cairn/passphrase'), 'utf8').trim()
      expect(done.code).toBe(0)
      expect(done.stdout + done.stderr).not.toContain(passphrase)
      expect(done.stdout + done.stderr).toContain('write it down')
      other.remove()
    }
  })

  test('two first backups at the same time make one repository, and both are saved', async () => {
    const other = new User()
    other.write({ 'a/a': 'a', 'b/b': 'b' })
    const both = await Promise.all([other.run(['backup', 'a']), other.run(['backup', 'b'])])
    expect(both.map(({ code }) => code)).toEqual([0, 0])
    const { last } = await other.json(['snapshots'])
    expect(last['snapshots']).toHaveLength(2)
    expect(readdirSync(other.path('.local/share/cairn')).sort()).toEqual([
      'passphrase',
      'repository',
    ])
    other.remove()
  })

  test('what is in the way is neither used nor harmed', async () => {
    const other = new User()
    other.write({ 'data/a': 'a', '.local/share/cairn/repository/keys/left': 'left' })
    const done = await other.run(['backup', 'data'])
    expect(done.code).toBe(10)
    expect(readdirSync(other.path('.local/share/cairn/repository'))).toEqual(['keys'])
    other.remove()
  })

  test('a passphrase that is given is used, and none is generated', async () => {
    const other = new User()
    other.write({ 'data/a': 'a' })
    const env = { CAIRN_PASSPHRASE: 'correct horse battery' }
    expect((await other.run(['backup', 'data'], { env })).code).toBe(0)
    expect(() => statSync(other.path('.local/share/cairn/passphrase'))).toThrow('ENOENT')
    expect((await other.run(['snapshots'], { env })).code).toBe(0)
    expect((await other.run(['snapshots'])).code).toBe(2)
    other.remove()
  })
})
