// Paths that are no UTF-8, wherever one can be given: the very bytes are used, or the command refuses.
// Never another path, which is what Node's text of them would be.

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { User } from './user.ts'

const user = new User()
const CAIRN = join(import.meta.dirname, '../../bin/cairn')
/** `q` and a byte that no UTF-8 has: `$Q` in the scripts. */
const ODD = Buffer.concat([Buffer.from('q'), Buffer.of(0xff)])

beforeAll(async () => {
  user.write({ 'data/a.txt': 'a' })
  await user.run(['init'], { env: user.keyed })
  await user.run(['backup', 'data'], { env: user.keyed })
})

afterAll(() => user.remove())

/** Runs `cairn` as bash hands it over: arguments of spawn are text. */
function shell(script: string, env: Readonly<Record<string, string>> = user.keyed) {
  const preamble = `Q=$(printf 'q\\377'); cairn() { ${CAIRN} "$@"; }`
  const { status, stdout, stderr } = spawnSync('bash', ['-c', `${preamble}; ${script}`], {
    cwd: user.home,
    env: { PATH: process.env['PATH'], HOME: user.home, ...env },
    encoding: 'utf8',
  })
  return { code: status, stdout, stderr }
}

const inOdd = (...names: readonly string[]) =>
  Buffer.concat([
    Buffer.from(`${user.home}/`),
    ODD,
    ...names.map((name) => Buffer.from(`/${name}`)),
  ])

/** What is at home with a `q` in front, as Latin-1. */
const made = () =>
  readdirSync(user.home, { encoding: 'buffer' })
    .map((name) => name.toString('latin1'))
    .filter((name) => name.startsWith('q'))

describe('the target of a restore', () => {
  test.each(['"$Q"', '"$PWD/$Q"', '"x/../$Q/"'])('%s is the very bytes', (target) => {
    const place = `latest:${user.path('data')}`
    const { code, stdout } = shell(`cairn restore ${place} --target ${target} --verify`)
    expect(code).toBe(0)
    expect(stdout).toContain(`to ${user.path('q')}\\xff in`)
    expect(made()).toEqual(['q\xff'])
    expect(readFileSync(inOdd('a.txt'), 'utf8')).toBe('a')
    shell('rm -r "$Q"')
  })

  test('also from a folder that is not', () => {
    const { code } = shell('mkdir "$Q" && cd "$Q" && cairn restore latest -t back')
    expect(code).toBe(0)
    expect(made()).toEqual(['q\xff'])
    expect(existsSync(inOdd('back'))).toBe(true)
    shell('rm -r "$Q"')
  })

  test('a dry run looks there, and --json tells the bytes', () => {
    const place = `latest:${user.path('data')}`
    shell(`cairn restore ${place} -t "$Q"`)
    const { stdout } = shell(`cairn restore ${place} -t "$Q" --dry-run --json`)
    expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({
      files: 0,
      targetBytes: inOdd().toString('base64'),
    })
    expect(made()).toEqual(['q\xff'])
    shell('rm -r "$Q"')
  })

  test('is shown as it is where it cannot be made', () => {
    const { code, stderr } = shell('cairn restore latest -t "data/a.txt/$Q"')
    expect(code).toBe(1)
    expect(stderr).toContain(`Cannot make the target ${user.path('data/a.txt/q')}\\xff: `)
  })
})

describe('files that hold secrets', () => {
  test('are made and read under the very bytes', () => {
    expect(shell('cairn init -r odd-1 --key-file "$Q"', {}).code).toBe(0)
    expect(made()).toEqual(['q\xff'])
    expect(shell('cairn snapshots -r odd-1 --key-file "$PWD/$Q"', {}).code).toBe(0)
    expect(shell('CAIRN_KEY_FILE="$Q" cairn snapshots -r odd-1', {}).code).toBe(0)
    expect(shell('CAIRN_KEY_FILE="$Q" cairn init -r odd-2', {}).code).toBe(0)
    expect(made()).toEqual(['q\xff'])
    shell('rm "$Q"')
  })

  test('and where only the key of another repository has that name in text', () => {
    user.write({ 'q\uFFFD': 'x'.repeat(40) })
    const { code, stderr } = shell('cairn snapshots --key-file "$Q"')
    expect(stderr).toContain('Cannot read q\\xff')
    expect(code).toBe(2)
    shell("rm $(printf 'q\\357\\277\\275')")
  })

  test('new ones too', () => {
    const args = '--label odd --new-key-file "$Q/key"'
    const { code, stderr } = shell(`cairn key add ${args}`)
    expect(stderr).toContain('Made the key file q\\xff/key')
    expect(code).toBe(0)
    expect(existsSync(inOdd('key'))).toBe(true)
    expect(made()).toEqual(['q\xff'])
    shell('rm -r "$Q"')
  })
})

describe('what is needed as text is refused, and nothing is made', () => {
  const configure = String.raw`mkdir -p cfg/cairn; printf 'repository = "/tmp/q\377"\n' > cfg/cairn/cairn.toml`
  test.each([
    ['cairn init --repository "$Q"', '--repository'],
    ['cairn init -r "$PWD/$Q"', '--repository'],
    ['cairn snapshots -r "$Q"', '--repository'],
    ['CAIRN_REPOSITORY="$PWD/$Q" cairn init', 'CAIRN_REPOSITORY'],
    ['CAIRN_REPOSITORY="$Q" cairn backup data', 'CAIRN_REPOSITORY'],
    ['cairn snapshots --passphrase-command "cat $Q"', '--passphrase-command'],
    ['CAIRN_PASSPHRASE="caf$Q cr" cairn init -r q-new', 'CAIRN_PASSPHRASE'],
    ['CAIRN_PASSPHRASE_COMMAND="cat $Q" cairn init -r q-new', 'CAIRN_PASSPHRASE_COMMAND'],
    [
      'unset CAIRN_REPOSITORY; XDG_DATA_HOME="$PWD/$Q" cairn backup data',
      'q\\xff/cairn/repository',
    ],
    [
      'unset CAIRN_REPOSITORY; export NODE_COMPILE_CACHE="$PWD/c"; HOME="$PWD/$Q" cairn backup data',
      'q\\xff/.config/cairn',
    ],
    [`${configure}; XDG_CONFIG_HOME="$PWD/cfg" cairn snapshots`, 'cairn.toml: it is not'],
  ])('%s', (script, name) => {
    const env = { CAIRN_REPOSITORY: user.path('repository') }
    const { code, stderr } = shell(script, env)
    expect(stderr).toContain(name)
    expect(stderr).toContain('not valid UTF-8')
    expect(code).toBe(2)
    expect(made()).toEqual([])
  })

  test('a repository below a working folder that is not', () => {
    const { code, stderr } = shell('mkdir "$Q"; cd "$Q"; cairn init -r below --key-file k', {})
    expect(stderr).toContain('q\\xff: that is not valid UTF-8')
    expect(code).toBe(2)
    expect(made()).toEqual(['q\xff'])
    expect(shell('cd "$Q"; cairn snapshots').code).toBe(0)
    shell('rm -r "$Q"')
  })

  test('the name with U+FFFD itself is text like any other', () => {
    const { code } = shell('cairn init -r "q\uFFFD"', { CAIRN_KEY_FILE: user.path('key') })
    expect(code).toBe(0)
    shell('rm -r q?')
  })
})

test('in a folder that is gone, paths from it are wrong usage', () => {
  const { code, stderr } = shell('mkdir gone && cd gone && rmdir ../gone && cairn backup file')
  expect(code).toBe(2)
  expect(stderr).toContain('is gone')
})
