// Which repository, and what opens it: the order of options, environment and configuration file, and
// what happens where any of them makes no sense.

import { existsSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { User } from './user.ts'

const user = new User()
const WORDS = 'correct horse battery staple'

beforeAll(async () => {
  user.write({ words: `${WORDS}\n`, 'other-words': 'quite another set of words\n' })
  const made = await user.run(['init', '-r', 'words-repository', '--passphrase-file', 'words'])
  expect(made).toMatchObject({ code: 0 })
  await user.run(['init'], { env: user.keyed })
})

afterAll(() => user.remove())

const configure = (text: string) => user.write({ '.config/cairn/cairn.toml': text })
const open = (env: Readonly<Record<string, string>> = {}, ...flags: readonly string[]) =>
  user.run(['snapshots', ...flags], { env })

describe('what opens the repository', () => {
  const repository = { CAIRN_REPOSITORY: user.path('words-repository') }

  test.each([
    ['a passphrase in the environment', { CAIRN_PASSPHRASE: WORDS }, []],
    ['a file', { CAIRN_PASSPHRASE_FILE: 'words' }, []],
    ['a command', { CAIRN_PASSPHRASE_COMMAND: 'cat words' }, []],
    [
      'an option over the environment',
      { CAIRN_PASSPHRASE: 'wrong' },
      ['--passphrase-file', 'words'],
    ],
    ['a command as an option', { CAIRN_KEY_FILE: 'none' }, ['--passphrase-command', 'cat words']],
  ])('%s', async (_, env, flags) => {
    expect((await open({ ...repository, ...env }, ...flags)).code).toBe(0)
  })

  test('stdin, where it is named', async () => {
    const args = ['snapshots', '--passphrase-file', '-']
    expect((await user.run(args, { env: repository, input: WORDS })).code).toBe(0)
  })

  test('the same letters however the keyboard composes them', async () => {
    const env = { CAIRN_REPOSITORY: user.path('composed') }
    await user.run(['init'], {
      env: { ...env, CAIRN_PASSPHRASE: 'caf\u00e9 cr\u00e8me br\u00fbl\u00e9e' },
    })
    const decomposed = 'cafe\u0301 cre\u0300me bru\u0302le\u0301e'
    expect((await open({ ...env, CAIRN_PASSPHRASE: decomposed })).code).toBe(0)
  })

  test('a wrong passphrase, command or key file is 12', async () => {
    for (const env of [
      { CAIRN_PASSPHRASE: 'wrong' },
      { CAIRN_PASSPHRASE_FILE: 'other-words' },
      { CAIRN_PASSPHRASE_COMMAND: 'echo wrong' },
      { CAIRN_KEY_FILE: user.path('key') },
    ]) {
      const { code, stderr } = await open({ ...repository, ...env })
      expect(code).toBe(12)
      expect(stderr).toMatch(/^(warning: .*\n)?cairn: Wrong (passphrase|key file): /)
    }
  })

  test('nothing is asked where there is no terminal', async () => {
    const { code, stderr } = await open(repository)
    expect(code).toBe(2)
    expect(stderr).toContain('No passphrase was given')
    expect(stderr).toContain('CAIRN_PASSPHRASE_FILE')
  })

  test('a file that others can read is warned about', async () => {
    expect((await open({ ...repository, CAIRN_PASSPHRASE_FILE: 'words' })).stderr).toContain(
      'chmod 600',
    )
  })
})

describe('what makes no sense is 2, and says why', () => {
  const repository = { CAIRN_REPOSITORY: user.path('words-repository') }

  test.each([
    [
      'two of one level',
      { CAIRN_PASSPHRASE: 'a', CAIRN_PASSPHRASE_FILE: 'b' },
      'More than one thing',
    ],
    ['an empty passphrase', { CAIRN_PASSPHRASE: '' }, 'CAIRN_PASSPHRASE is set and empty'],
    ['a blank passphrase', { CAIRN_PASSPHRASE: '  ' }, 'The passphrase is empty'],
    ['a file that is not there', { CAIRN_PASSPHRASE_FILE: 'none' }, 'Cannot read none'],
    ['a file of several lines', { CAIRN_PASSPHRASE_FILE: '/etc/passwd' }, 'more than one line'],
    ['a file without end', { CAIRN_PASSPHRASE_FILE: '/dev/zero' }, 'over 64 KiB'],
    ['a command that fails', { CAIRN_PASSPHRASE_COMMAND: 'exit 7' }, 'exit code 7'],
    ['a command that prints nothing', { CAIRN_PASSPHRASE_COMMAND: 'true' }, 'is empty'],
    ['a short key file', { CAIRN_KEY_FILE: 'words' }, 'at least 32 bytes'],
  ])('%s', async (_, env, why) => {
    const { code, stderr } = await open({ ...repository, ...env })
    expect(code).toBe(2)
    expect(stderr).toContain(why)
  })

  test('an empty address: never the default one', async () => {
    expect((await open({ CAIRN_REPOSITORY: '' })).code).toBe(2)
    expect((await open({}, '--repository', '')).code).toBe(2)
    expect(existsSync(user.path('.local/share/cairn'))).toBe(false)
  })

  test('an address of a kind that is not known does not show what it holds', async () => {
    const { code, stderr } = await open({ CAIRN_REPOSITORY: 's3:user:hidden@bucket' })
    expect(code).toBe(2)
    expect(stderr).not.toContain('hidden')
  })
})

describe('the configuration file', () => {
  afterAll(() => configure(''))

  test('says which repository and what opens it', async () => {
    configure('repository = "~/repository"\nkey-file = "~/key"\n')
    expect((await open()).code).toBe(0)
  })

  test('gives way to the environment, and that to options', async () => {
    configure('repository = "/nowhere/at-all"\nkey-file = "~/key"\n')
    expect((await open()).code).toBe(10)
    expect((await open({ CAIRN_REPOSITORY: user.path('repository') })).code).toBe(0)
    const env = { CAIRN_REPOSITORY: '/nowhere/else' }
    expect((await open(env, '-r', user.path('repository'))).code).toBe(0)
  })

  test.each([
    ['a key that is not known', 'repositry = "/x"', "there is no setting 'repositry'"],
    ['a value that is no text', 'repository = 7', 'repository is not a text'],
    ['a path that is not absolute', 'repository = "backup"', 'not an absolute path'],
    ['no TOML', 'repository = "/x', 'line 1'],
    [
      'a passphrase, which nobody should write there',
      'passphrase = "hidden"',
      "no setting 'passphrase'",
    ],
  ])('%s is refused', async (_, text, why) => {
    const path = configure(text)
    const { code, stderr } = await open()
    expect(code).toBe(2)
    expect(stderr).toContain(path)
    expect(stderr).toContain(why)
    expect(stderr).not.toContain('hidden')
  })

  test('does not keep the version from being told', async () => {
    configure('nonsense')
    expect((await user.run(['version'])).code).toBe(0)
  })
})

describe('a repository that is configured and not there', () => {
  test.each([['snapshots'], ['check'], ['backup', '.'], ['restore', 'latest', '-t', 'x']])(
    '%s is 10, and makes nothing',
    async (...args) => {
      const env = { CAIRN_REPOSITORY: user.path('missing'), CAIRN_PASSPHRASE: 'words' }
      const { code, stderr } = await user.run(args, { env })
      expect(code).toBe(10)
      expect(stderr).toContain('There is no repository at')
      expect(existsSync(user.path('missing'))).toBe(false)
    },
  )

  test('nor does a folder with other things in it become one', async () => {
    user.write({ 'photos/a.jpg': 'a' })
    const env = { ...user.keyed, CAIRN_REPOSITORY: user.path('photos') }
    expect((await user.run(['snapshots'], { env })).code).toBe(10)
  })
})
