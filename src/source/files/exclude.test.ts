import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { utf8 } from '../../base/bytes.ts'
import { type ExcludeOptions, ExcludeRules, parsePatternBytes } from './exclude.ts'
import { type IgnorePattern, parseIgnorePattern } from './ignore-pattern.ts'
import { nameText } from './name-text.ts'
import { Walker } from './walk.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-exclude-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function patterns(...lines: string[]): IgnorePattern[] {
  return lines.map((line) => parseIgnorePattern(line)).filter((pattern) => pattern !== undefined)
}

/** Whether command-line patterns leave out an absolute path, with a root folder above it. */
function excludes(lines: string[], root: string, path: string): boolean {
  const names = path.split('/').filter((name) => name !== '')
  const rootDepth = root.split('/').filter((name) => name !== '').length
  const isDirectory = path.endsWith('/')
  return new ExcludeRules(patterns(...lines)).excludes(names, { rootDepth, isDirectory })
}

/** The paths of files below `root` that a walk gives, relative to it, sorted. */
function walkedFiles(root: string, options: ExcludeOptions): string[] {
  const walker = new Walker({ roots: [utf8(root)], ...options })
  const paths: string[] = []
  for (let event = walker.next(); event !== undefined; event = walker.next()) {
    if (event.kind !== 'entry') continue
    const path = Buffer.concat([event.directory.path(), utf8('/'), event.name]).toString()
    paths.push(path.slice(root.length + 1))
  }
  return paths.sort()
}

test('a name without slash is left out wherever it is', () => {
  expect(excludes(['node_modules'], '/home/me', '/home/me/node_modules/')).toBe(true)
  expect(excludes(['node_modules'], '/home/me', '/home/me/code/x/node_modules/')).toBe(true)
  expect(excludes(['*.log'], '/var', '/var/log/a.log')).toBe(true)
  expect(excludes(['*.log'], '/var', '/var/log/a.log.gz')).toBe(false)
})

test('a root folder is backed up even where its own name, or one above it, is excluded', () => {
  expect(excludes(['build'], '/home/me/build', '/home/me/build/a.txt')).toBe(false)
  expect(excludes(['me'], '/home/me', '/home/me/a.txt')).toBe(false)
})

test('a pattern with a slash holds from the root folder and as an absolute path', () => {
  expect(excludes(['/home/me/.cache'], '/home/me', '/home/me/.cache/')).toBe(true)
  expect(excludes(['/.cache'], '/home/me', '/home/me/.cache/')).toBe(true)
  expect(excludes(['/.cache'], '/home/me', '/home/me/code/.cache/')).toBe(false)
  expect(excludes(['home/me/*.iso'], '/', '/home/me/debian.iso')).toBe(true)
  expect(excludes(['code/*/target'], '/home/me', '/home/me/code/x/target')).toBe(true)
})

test('the last pattern that matches decides, in whichever form it matches', () => {
  const lines = ['*.log', '!/home/me/keep.log']
  expect(excludes(lines, '/home/me', '/home/me/keep.log')).toBe(false)
  expect(excludes(lines, '/home/me', '/home/me/other.log')).toBe(true)
  expect(excludes([...lines, 'keep.*'], '/home/me', '/home/me/keep.log')).toBe(true)
})

test('a pattern with a slash at its end is for folders only', () => {
  expect(excludes(['cache/'], '/srv', '/srv/cache/')).toBe(true)
  expect(excludes(['cache/'], '/srv', '/srv/cache')).toBe(false)
})

test('names that are not UTF-8 are matched by wildcards and by the same bytes', () => {
  const bad = nameText(Uint8Array.of(0x61, 0xff, 0x62))
  expect(bad).toBe('a\uDCFFb')
  const rules = (line: Uint8Array) => new ExcludeRules(parsePatternBytes(line))
  const at = { rootDepth: 0, isDirectory: false }
  expect(rules(utf8('a?b')).excludes([bad], at)).toBe(true)
  expect(rules(Uint8Array.of(0x61, 0xff, 0x62)).excludes([bad], at)).toBe(true)
  expect(rules(Uint8Array.of(0x61, 0xfe, 0x62)).excludes([bad], at)).toBe(false)
  expect(rules(utf8('a\uFFFDb')).excludes([bad], at)).toBe(false)
})

test('text of names is different for different names and the name itself for valid ones', () => {
  const texts = new Map<string, string>()
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 6 }), (name) => {
      const text = nameText(name)
      const hex = Buffer.from(name).toString('hex')
      expect(texts.get(text) ?? hex).toBe(hex)
      texts.set(text, hex)
    }),
    { numRuns: 5000 },
  )
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(nameText(utf8(text))).toBe(text)
    }),
  )
})

test('a pattern made to be slow is not', () => {
  const pattern = `${'*a'.repeat(100)}b`
  const deep = `${'**/*a/'.repeat(50)}b`
  const names = Array.from({ length: 200 }, () => 'a'.repeat(255))
  const start = performance.now()
  expect(
    new ExcludeRules(patterns(pattern, deep)).excludes(names, { rootDepth: 0, isDirectory: false }),
  ).toBe(false)
  expect(performance.now() - start).toBeLessThan(2000)
})

const NAMES = ['a', 'b', 'ab', 'a.o', '[x]', 'a-b', 'x y', 'B', '#a', '!a', '\\']

function makeTree(at: string, depth: number): void {
  for (const name of NAMES) {
    if (depth === 0) writeFileSync(join(at, name), '')
    else {
      const child = join(at, depth === 2 && name.length > 2 ? `${name}.d` : name)
      mkdirSync(child)
      makeTree(child, depth - 1)
      writeFileSync(join(at, `${name}.f`), '')
    }
  }
}

const token = fc.constantFrom(
  ...['a', 'a', 'b', '.', 'o', 'x', 'f', '*', '*', '**', '**/', '/**', '?', '/', '/', ' '],
  ...['[ab]', '[!a]', '[^b-z]', '[[:alpha:]]', '[]a]', '[a-]', '[', ']', '-', '\\', '\\*', '#'],
)
const line = fc
  .tuple(
    fc.constantFrom('', '', '', '!', '/', '#'),
    fc.array(token, { minLength: 1, maxLength: 6 }),
  )
  .map(([start, tokens]) => start + tokens.join(''))
  // Two oddities of git that its manual does not have: '**' before an escaped slash stands for one
  // folder at least, and '**' after a literal start of the path ('a**/b') crosses slashes.
  .filter((text) => !text.includes('\\/') && !/[^/*]\*\*/.test(text))
const ignoreFile = fc.array(line, { maxLength: 6 }).map((lines) => lines.join('\n'))

test('.cairnignore files leave out exactly what git leaves out', () => {
  const tree = join(folder, 'git')
  mkdirSync(tree)
  makeTree(tree, 2)
  execFileSync('git', ['init', '-q', tree])
  const git = ['-C', tree, 'ls-files', '-z', '-o', '--exclude-per-directory=.cairnignore']
  fc.assert(
    fc.property(ignoreFile, ignoreFile, ignoreFile, (top, inA, inAB) => {
      writeFileSync(join(tree, '.cairnignore'), top)
      writeFileSync(join(tree, 'a/.cairnignore'), inA)
      writeFileSync(join(tree, 'a/ab/.cairnignore'), inAB)
      const expected = execFileSync('git', git).toString().split('\0').filter(Boolean).sort()
      const walked = walkedFiles(tree, { ignoreFiles: true })
      expect(walked.filter((path) => !path.startsWith('.git/'))).toEqual(expected)
    }),
    { numRuns: Number(process.env['CAIRN_TEST_RUNS'] ?? 100) },
  )
})
