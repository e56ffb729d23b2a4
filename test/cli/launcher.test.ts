// bin/cairn, the shell script that finds Node: which one it takes, by what name it may be called,
// and that it gets out of the way. Layouts are folders with fake Nodes that say how they were called.

import { spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const PLATFORM_NODE = `node-${process.platform}-${process.arch}/bin/node`

let scratch: string
/** A folder with what the launcher itself needs, and no Node. */
let tools: string

beforeEach(() => {
  scratch = mkdtempSync(join(realpathSync(tmpdir()), 'cairn launcher '))
  tools = join(scratch, 'tools')
  mkdirSync(tools)
  for (const tool of ['uname', 'readlink']) symlinkSync(whereIs(tool), join(tools, tool))
})

afterEach(() => {
  rmSync(scratch, { recursive: true })
})

function whereIs(tool: string): string {
  return spawnSync('/bin/sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).stdout.trim()
}

/** A package folder with the launcher in it; its path in the scratch folder. */
function install(at: string): string {
  const launcher = join(scratch, at, 'bin/cairn')
  mkdirSync(dirname(launcher), { recursive: true })
  copyFileSync(join(ROOT, 'bin/cairn'), launcher)
  return launcher
}

/** A Node that prints its label, process id, working folder and arguments, and exits with 7. */
function fakeNode(
  at: string,
  options: { readonly label: string; readonly version?: string },
): string {
  const file = join(scratch, at)
  mkdirSync(dirname(file), { recursive: true })
  const script = [
    '#!/bin/sh',
    `if [ "$1" = --version ]; then echo ${options.version ?? 'v24.0.0'}; exit; fi`,
    // Options of Node itself come first, as for a real one.
    'while case "$1" in --*) true ;; *) false ;; esac; do shift; done',
    `printf '%s\\0' ${options.label} "$$" "$PWD" "$@"`,
    'exit 7',
  ]
  writeFileSync(file, script.join('\n'))
  chmodSync(file, 0o755)
  return file
}

function run(launcher: string, args: readonly string[] = [], path: readonly string[] = []) {
  const done = spawnSync(launcher, args, {
    cwd: scratch,
    env: { PATH: [...path, tools].join(':') },
    encoding: 'utf8',
  })
  const [label, pid, folder, main, ...rest] = done.stdout.split('\0').slice(0, -1)
  return { label, pid, folder, main, args: rest, done }
}

describe('which Node', () => {
  test('the one that npm put next to the package comes first', () => {
    const launcher = install('clone')
    fakeNode(`clone/node_modules/${PLATFORM_NODE}`, { label: 'own' })
    fakeNode(PLATFORM_NODE, { label: 'hoisted' })
    fakeNode('path/node', { label: 'path' })
    const { label, main, done } = run(launcher, [], [join(scratch, 'path')])
    expect(label).toBe('own')
    expect(main).toBe(join(scratch, 'clone/src/cli/main.ts'))
    expect(done).toMatchObject({ status: 7, stderr: '' })
  })

  test('then the one next to it, where npm installed Cairn as a dependency', () => {
    const launcher = install('app/node_modules/cairn')
    fakeNode(`app/node_modules/${PLATFORM_NODE}`, { label: 'hoisted' })
    fakeNode('path/node', { label: 'path' })
    expect(run(launcher, [], [join(scratch, 'path')]).label).toBe('hoisted')
  })

  test.each(['v24.0.0', 'v24.21.0', 'v25.1.0', 'v100.0.0'])('then %s on PATH', (version) => {
    const launcher = install('clone')
    fakeNode('path/node', { label: 'path', version })
    expect(run(launcher, [], [join(scratch, 'path')]).label).toBe('path')
  })

  test.each(['v20.20.2', 'v9.9.9', 'v23.11.0', 'nonsense'])('never %s on PATH', (version) => {
    const launcher = install('clone')
    fakeNode('path/node', { label: 'path', version })
    const { status, stdout, stderr } = run(launcher, [], [join(scratch, 'path')]).done
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toBe(
      `cairn: Cannot start: Cairn needs Node 24 or newer, and the one on PATH is ${version}.\n` +
        `Run \`npm ci\` in ${scratch}/clone, which brings its own, or install Node 24.\n`,
    )
  })

  test('no Node at all is an error that says what to do', () => {
    const { status, stderr } = run(install('clone')).done
    expect(status).toBe(1)
    expect(stderr).toContain('there is none on PATH')
    expect(stderr).toContain('npm ci')
  })

  test('a Node of another platform is left alone', () => {
    const launcher = install('clone')
    fakeNode('clone/node_modules/node-sunos-sparc/bin/node', { label: 'other' })
    expect(run(launcher).done.status).toBe(1)
  })
})

describe('by what name', () => {
  test('through links, absolute and relative, one after the other', () => {
    const launcher = install('clone')
    fakeNode(`clone/node_modules/${PLATFORM_NODE}`, { label: 'own' })
    mkdirSync(join(scratch, 'npx/.bin'), { recursive: true })
    symlinkSync(join(scratch, 'clone'), join(scratch, 'npx/cairn'))
    symlinkSync('../cairn/bin/cairn', join(scratch, 'npx/.bin/cairn'))
    symlinkSync(join(scratch, 'npx/.bin/cairn'), join(scratch, 'cairn'))
    for (const name of [
      launcher,
      join(scratch, 'npx/.bin/cairn'),
      join(scratch, 'cairn'),
      './cairn',
    ]) {
      const { label, main } = run(name)
      expect({ name, label, main }).toEqual({
        name,
        label: 'own',
        main: join(scratch, 'clone/src/cli/main.ts'),
      })
    }
  })

  test('found on PATH', () => {
    install('clone')
    fakeNode(`clone/node_modules/${PLATFORM_NODE}`, { label: 'own' })
    symlinkSync('../clone/bin/cairn', join(tools, 'cairn'))
    const shell = spawnSync('/bin/sh', ['-c', 'cairn version'], {
      env: { PATH: tools },
      encoding: 'utf8',
    })
    expect(shell.stdout.split('\0')[0]).toBe('own')
  })

  test('as a script of a shell, in its own folder', () => {
    install('clone')
    fakeNode(`clone/node_modules/${PLATFORM_NODE}`, { label: 'own' })
    const cwd = join(scratch, 'clone/bin')
    const { stdout } = spawnSync('/bin/sh', ['cairn'], {
      cwd,
      env: { PATH: tools },
      encoding: 'utf8',
    })
    expect(stdout.split('\0')[0]).toBe('own')
  })
})

describe('in spite of', () => {
  test('a CDPATH that has a bin elsewhere', () => {
    install('clone')
    install('decoy')
    fakeNode(`clone/node_modules/${PLATFORM_NODE}`, { label: 'own' })
    const { stdout } = spawnSync('/bin/sh', ['bin/cairn'], {
      cwd: join(scratch, 'clone'),
      env: { PATH: tools, CDPATH: join(scratch, 'decoy') },
      encoding: 'utf8',
    })
    expect(stdout.split('\0')[0]).toBe('own')
  })
})

describe('out of the way', () => {
  test('arguments and working folder reach the program as they are', () => {
    const launcher = install('clone')
    fakeNode(`clone/node_modules/${PLATFORM_NODE}`, { label: 'own' })
    const args = ['backup', '', 'a b', '*', '--', '-n', '$HOME', 'two\nlines', "it's", '\\']
    expect(run(launcher, args)).toMatchObject({ args, folder: scratch })
  })

  test('the program has the process id that was started, so signals reach it', async () => {
    const launcher = install('clone')
    const node = fakeNode(`clone/node_modules/${PLATFORM_NODE}`, { label: 'own' })
    writeFileSync(node, '#!/bin/sh\necho $$\nexec sleep 60')
    const child = spawn(launcher, { stdio: ['ignore', 'pipe', 'inherit'] })
    const pid = await new Promise<string>((resolve) => {
      child.stdout.once('data', (text: Buffer) => {
        resolve(text.toString().trim())
      })
    })
    expect(pid).toBe(String(child.pid))
    const signal = new Promise((resolve) => child.once('exit', (_, by) => resolve(by)))
    child.kill('SIGTERM')
    expect(await signal).toBe('SIGTERM')
  })
})
