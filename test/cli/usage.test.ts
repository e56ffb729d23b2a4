// The command line itself: help, mistakes, pipes.

import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ERROR_CODES } from '../../src/base/errors.ts'
import { EXIT_CODES } from '../../src/cli/exit-codes.ts'
import { program } from '../../src/cli/program.ts'
import { User } from './user.ts'

const user = new User()
const ROOT = join(import.meta.dirname, '../..')

beforeAll(async () => {
  user.write({ 'data/a.txt': 'a' })
  await user.run(['init'], { env: user.keyed })
  await user.run(['backup', 'data'], { env: user.keyed })
})

afterAll(() => user.remove())

/** Every command that can be typed, as words. */
function commandsIn(
  command: Command,
  above: readonly string[] = [],
): readonly (readonly string[])[] {
  return command.commands.flatMap((child) => {
    const words = [...above, child.name()]
    return [words, ...commandsIn(child, words)]
  })
}

const commands = commandsIn(program).map((words) => words.join(' '))

describe('help', () => {
  test.each(commands)('%s has examples, and each is its own', async (command) => {
    const { code, stdout, stderr } = await user.run([...command.split(' '), '--help'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const [usage = '', examples] = stdout.split('\nExamples:\n')
    expect(usage).toContain(`Usage: cairn ${command}`)
    const lines = examples?.trimEnd().split('\n') ?? []
    expect(lines.length).toBeGreaterThan(0)
    for (const line of lines) expect(line).toMatch(/^ {2}\$ .*\bcairn /)
    expect(examples).toContain(`cairn ${command}`)
  })

  test.each([
    [['help'], ['--help']],
    [
      ['help', 'backup'],
      ['backup', '--help'],
    ],
    [
      ['help', 'key', 'passwd'],
      ['key', 'passwd', '--help'],
    ],
    [
      ['key', 'help', 'add'],
      ['key', 'add', '--help'],
    ],
  ])('%j is %j', async (words, flags) => {
    const [help, same] = [await user.run(words), await user.run(flags)]
    expect(help).toMatchObject({ code: 0, stderr: '' })
    expect(help.stdout).toBe(same.stdout)
  })

  test('the program alone shows its help and is 2', async () => {
    const { code, stdout, stderr } = await user.run([])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain('Commands:')
  })
})

describe('--version is the command version', () => {
  test.each([
    [['--version'], []],
    [['--json', '--version'], ['--json']],
    [['--version', '--json'], ['--json']],
    [['backup', '--version'], []],
  ])('%j', async (args, flags) => {
    const done = await user.run(args)
    expect(done).toMatchObject({ code: 0, stderr: '' })
    expect(done.stdout).toBe((await user.run(['version', ...flags])).stdout)
  })
})

describe('mistakes are 2', () => {
  test.each([
    [['bakcup'], "Unknown command 'bakcup' (did you mean backup?)"],
    [['help', 'bakcup'], "Unknown command 'bakcup'"],
    [['help', 'key', 'ad'], "Unknown command 'key ad'"],
    [['backup', '--exlude', 'x'], "Unknown option '--exlude' (did you mean --exclude?)"],
    [['backup'], 'What should be backed up?'],
    [['backup', '.', '--workers', '0'], 'not a whole number above 0'],
    [['backup', '.', '--compression', '20'], 'not auto, off, or a number from 1 to 19'],
    [['backup', '.', '--memory', 'much'], 'Allowed choices are low, normal'],
    [['backup', '.', '--exclude-larger-than', 'big'], 'not a size'],
    [['backup', '.', '--stdin'], 'leave the paths out'],
    [['backup', '--stdin', '--stdin-filename', 'a/b'], 'cannot be the name of a file'],
    [['backup', '.', '--stdin-filename', 'x'], '--stdin-filename is for --stdin'],
    [['backup', '--stdin-filename', 'x'], '--stdin-filename is for --stdin'],
    [['backup', '--stdin', '--files-from', '-'], 'both want stdin'],
    [['backup', '--files-from', 'none'], 'Cannot read the list none'],
    [['backup', '.', '--exclude-file', 'none'], 'Cannot read the patterns in none'],
    [['restore', 'latest'], "Required option '-t, --target <folder>' not specified"],
    [['restore', 'latest', '-t', 'x', '--delete'], '--delete needs a folder'],
    [['restore', 'latest', '-t', 'x', '--include', '/'], "The pattern '/' can match nothing"],
    [['restore', 'latest', '-t', 'x', '--exclude', '!'], "The pattern '!' can match nothing"],
    [['restore', 'latest:/', '-t', 'x', '--overwrite', 'never', '--delete'], '--overwrite never'],
    [['restore', 'newest', '-t', 'x'], "'newest' names no snapshot"],
    [['snapshots', '--at', 'tomorrow'], 'It is not like'],
    [['ls'], "Missing required argument 'snapshot[:path]'"],
    [['ls', 'latest', 'more'], 'Too many arguments'],
    [['check', '--read-data', '--read-data-subset', '5%'], 'leave --read-data-subset out'],
    [['check', '--read-data-subset', '5'], 'not a percentage'],
    [['completion', 'tcsh'], 'Allowed choices are bash, zsh, fish'],
    [['key', 'add', '--label', 'x', '--role', 'king'], 'Allowed choices are'],
    [['key', 'add', '--label', 'x', '--host', 'y'], 'are for writers'],
    [['tag', 'latest'], 'Which tags?'],
    [['tag', 'latest', '--set', 'x', '--add', 'y'], '--set replaces all tags, so --add does not'],
    [['tag', 'latest', '--set', 'x', '--remove', 'y'], '--set replaces all tags, so --remove does'],
    [['init', '--repository', '.'], 'it is not empty'],
  ])('%j', async (args, why) => {
    const { code, stderr } = await user.run(args, { env: user.keyed })
    expect(stderr).toContain(why)
    expect(code).toBe(2)
  })

  test.each([[['bakcup']], [['backup', '--exlude', 'x']], [['backup']], [['restore', 'latest']]])(
    'with --json %j is an event',
    async (args) => {
      const { last, stderr } = await user.json(args, { env: user.keyed })
      expect(last).toMatchObject({ event: 'error', code: 'usage' })
      expect(stderr).toBe('')
    },
  )
})

describe('an empty path is 2, and never the current folder', () => {
  test.each([
    [['restore', 'latest', '--target', '']],
    [['restore', 'latest:/', '--target', '', '--delete']],
    [['backup', '']],
    [['backup', 'data', '']],
    [['backup', '--files-from', '']],
    [['backup', '--files-from0', '']],
    [['backup', 'data', '--exclude-file', '']],
    [['snapshots', '--path', '']],
    [['snapshots', '--passphrase-file', '']],
    [['snapshots', '--key-file', '']],
    [['dump', 'latest', '--output', '']],
    [['key', 'add', '--label', 'x', '--new-passphrase-file', '']],
    [['key', 'add', '--label', 'x', '--new-key-file', '']],
  ])('%j', async (args) => {
    const before = readdirSync(user.home).sort()
    const { code, stderr } = await user.run(args, { env: user.keyed })
    expect(stderr).toContain('It is empty')
    expect(code).toBe(2)
    expect(readdirSync(user.home).sort()).toEqual(before)
  })

  test.each([
    [['restore', 'latest', '-t', 'out', '-i', ''], '--include'],
    [['restore', 'latest', '-t', 'out', '--exclude', ''], '--exclude'],
    [['ls', 'latest', '--host', ''], '--host'],
    [['snapshots', '--source', ''], '--source'],
    [['snapshots', '--tag', ''], '--tag'],
    [['find', ''], "'patterns'"],
    [['find', 'x', '--snapshot', ''], '--snapshot'],
    [['backup', 'data', '--exclude', ''], '--exclude'],
    [['backup', 'data', '--host', ''], '--host'],
    [['backup', 'data', '--source', ''], '--source'],
    [['backup', 'data', '--tag', ''], '--tag'],
    [['tag', 'latest', '--set', ''], '--set'],
    [['init', '-r', 'new', '--label', ''], '--label'],
    [['key', 'add', '--label', ''], '--label'],
    [['key', 'add', '--label', 'x', '--role', 'writer', '--host', ''], '--host'],
    [['key', 'add', '--label', 'x', '--role', 'writer', '--domain', ''], '--domain'],
    [['snapshots', '--repository', ''], '--repository'],
    [['snapshots', '--passphrase-command', ''], '--passphrase-command'],
  ])('nor is any other value: %j', async (args, option) => {
    const { code, stderr } = await user.run(args, { env: user.keyed })
    expect(stderr).toContain(option)
    expect(stderr).toContain('It is empty')
    expect(code).toBe(2)
  })

  test.each([
    [['restore', 'latest:', '--target', 'out']],
    [['ls', 'latest:']],
    [['dump', 'latest:']],
    [['diff', 'latest:', 'latest']],
  ])('behind a colon: %j', async (args) => {
    const { code, stderr } = await user.run(args, { env: user.keyed })
    expect(stderr).toContain("There is no path behind the colon of 'latest:'")
    expect(code).toBe(2)
  })

  test('nor is the name for stdin made up', async () => {
    const args = ['backup', '--stdin', '--stdin-filename', '']
    const { code, stderr } = await user.run(args, { env: user.keyed, input: 'x' })
    expect(stderr).toContain('cannot be the name of a file')
    expect(code).toBe(2)
  })
})

describe('exit codes', () => {
  test('are those that the documents tell', () => {
    const text = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8')
    const rows = [...text.matchAll(/^\| `([a-z-]+)` \| (\d+) \|/gm)]
    const documented = Object.fromEntries(rows.map(([, code = '', exit]) => [code, Number(exit)]))
    expect(documented).toEqual(EXIT_CODES)
    expect(Object.keys(EXIT_CODES)).toEqual([...ERROR_CODES])
  })
})

describe('pipes', () => {
  const shell = (script: string) =>
    spawnSync('bash', ['-c', `set -o pipefail; ${script}`], {
      cwd: user.home,
      env: { PATH: process.env['PATH'], HOME: user.home, ...user.keyed },
      encoding: 'utf8',
    })
  const cairn = join(ROOT, 'bin/cairn')

  test('who reads no further is no error', () => {
    const { status, stderr } = shell(`${cairn} ls -R latest:/ | head -n 1; ${cairn} --help | true`)
    expect(status).toBe(0)
    expect(stderr).not.toContain('EPIPE')
  })

  test('a backup goes on when nobody reads what it says', () => {
    const { status } = shell(`${cairn} backup data --json | true`)
    expect(status).toBe(0)
  })

  test.each([
    'snapshots',
    'snapshots --json',
    'ls -R latest:/',
    'find a.txt',
    'check',
    'backup data',
    'key list',
    'version',
    'completion bash',
    'tag --add x latest',
  ])('what cannot be written is told, and is 1: %s', (args) => {
    const { status, stderr } = shell(`${cairn} ${args} > /dev/full`)
    expect(stderr).toContain('Cannot write the output: ENOSPC')
    expect(status).toBe(1)
  })

  test('nor does that hide why a command had failed', () => {
    const { status, stderr } = shell(`${cairn} snapshots --json -r nowhere > /dev/full`)
    expect(stderr).toContain('Cannot write the output: ENOSPC')
    expect(status).toBe(10)
  })

  test.each(['--help', 'ls --help', 'help ls', 'key help', '--version'])('help too: %s', (args) => {
    const { status, stderr } = shell(`${cairn} ${args} > /dev/full`)
    expect(stderr).toContain('Cannot write the output: ENOSPC')
    expect(status).toBe(1)
  })

  test('stdout and stderr may be closed', () => {
    expect(shell(`${cairn} snapshots >&- 2>&-`).status).toBe(0)
  })
})
