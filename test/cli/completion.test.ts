// Completion in real shells.

import { spawnSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { describeWith } from '../require.ts'
import { User } from './user.ts'

const user = new User()

beforeAll(async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, stdout } = await user.run(['completion', shell])
    expect(code).toBe(0)
    user.write({ [`cairn.${shell}`]: stdout })
  }
  user.write({ 'folder/file.txt': '' })
})

afterAll(() => user.remove())

function shell(program: string, ...args: readonly string[]): string {
  const env = { PATH: process.env['PATH'], HOME: user.home, TERM: 'xterm' }
  const done = spawnSync(program, args, { cwd: user.home, env, encoding: 'utf8' })
  expect(done.stderr).toBe('')
  return done.stdout
}

describe('bash', () => {
  /** What is offered for the last of these words. */
  function offered(...words: readonly string[]): readonly string[] {
    const script = `
      source ./cairn.bash
      COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _cairn
      printf '%s\\n' "\${COMPREPLY[@]}"`
    return shell('bash', '-c', script, 'bash', 'cairn', ...words)
      .split('\n')
      .filter((word) => word !== '')
  }

  test('the script is sound', () => {
    shell('bash', '-n', 'cairn.bash')
  })

  test.each([
    [['ba'], ['backup']],
    [
      ['key', 'c'],
      ['change-passphrase', 'confirm'],
    ],
    [['backup', '--exclude-c'], ['--exclude-caches']],
    [['--json', 'restore', '--ov'], ['--overwrite']],
    [
      ['restore', '--overwrite', 'if-'],
      ['if-changed', 'if-newer'],
    ],
    [['backup', 'fold'], ['folder']],
    [['backup', '--exclude-file', 'folder/f'], ['folder/file.txt']],
    [['-r', 'f'], ['folder']],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['key', 'add', '--role', 'w'], ['writer']],
    [
      ['backup', '--compression', ''],
      ['auto', 'off', ...Array.from({ length: 19 }, (_, at) => String(at + 1))],
    ],
    [
      ['find', '--type', 'f'],
      ['file', 'folder', 'fifo'],
    ],
    [
      ['dump', '--format', ''],
      ['file', 'tar'],
    ],
    [['help', 'ch'], ['check']],
    [['--vers'], ['--version']],
    [['backup', '--source', ''], []],
  ])('%j', (words, expected) => {
    expect(offered(...words)).toEqual(expected)
  })
})

describeWith('zsh', ['zsh'], () => {
  /** Types a line, asks for completion, and shows what the line has become. */
  function completed(line: string): string {
    const script = `
      zmodload zsh/zpty
      zpty z 'zsh -f -i'
      zpty -w z 'PROMPT=; RPROMPT=; unsetopt zle_bracketed_paste 2>/dev/null'
      zpty -w z 'autoload -Uz compinit && compinit -u -d ./dump && source ./cairn.zsh; print READY'
      while zpty -r z out; do [[ $out == *READY* && $out != *print* ]] && break; done
      zpty -n -w z $'${line}\\t'
      sleep 1
      zpty -n -w z $'\\C-a print -r -- GOT: \\n'
      while zpty -r z out; do [[ $out == *GOT:* && $out != *print* ]] && { print -r -- $out; break; }; done
      zpty -d z`
    return shell('zsh', '-f', '-c', script)
      .replace(/^.*GOT: /s, '')
      .trim()
  }

  test('the script is sound', () => {
    shell('zsh', '-n', 'cairn.zsh')
  })

  test.each([
    ['cairn bac', 'cairn backup'],
    ['cairn key trus', 'cairn key trust'],
    ['cairn restore --overw', 'cairn restore --overwrite'],
    ['cairn backup --memory lo', 'cairn backup --memory low'],
    ['cairn backup --compression of', 'cairn backup --compression off'],
  ])('%s', (line, expected) => {
    expect(completed(line)).toBe(expected)
  })
})

describeWith('fish', ['fish'], () => {
  const offered = (line: string) =>
    shell('fish', '--no-config', '-c', `source ./cairn.fish; complete -C '${line}'`)
      .split('\n')
      .map((text) => text.split('\t')[0] ?? '')
      .filter((word) => word !== '')

  test.each([
    ['cairn ba', ['backup']],
    ['cairn key c', ['change-passphrase', 'confirm']],
    ['cairn backup --exclude-c', ['--exclude-caches']],
    ['cairn restore --overwrite if-', ['if-changed', 'if-newer']],
    ['cairn key add --role w', ['writer']],
    ['cairn backup --compression a', ['auto']],
    ['cairn completion ', ['bash', 'fish', 'zsh']],
  ])('%s', (line, expected) => {
    expect([...offered(line)].sort()).toEqual(expected)
  })
})
