// Each tidy check catches what it is for: small virtual projects, right ones and wrong ones.

import { Command, Option } from 'commander'
import { describe, expect, test } from 'vitest'
import { completed, findGaps } from '../../scripts/complete-lockfile.ts'
import { shapesOf } from './commands.ts'
import {
  checkCommands,
  checkDependencies,
  checkErrorCodes,
  checkExactVersions,
} from './documents.ts'
import { checkBrowserHalf, checkCycles, checkLayers, LAYERS } from './layers.ts'
import { checkAny, checkBans, checkFileLength, checkFunctionLength } from './rules.ts'
import { parse, type Source } from './sources.ts'

function project(files: Readonly<Record<string, string>>): readonly Source[] {
  return Object.entries(files).map(([path, text]) => parse(path, text))
}

describe('layers', () => {
  test('the table has no cycle: rows name earlier rows only', () => {
    const rooms = Object.keys(LAYERS)
    for (const [at, row] of Object.values(LAYERS).entries()) {
      for (const may of row) expect(rooms.slice(0, at)).toContain(may.split('/')[0])
    }
  })

  test.each([
    ['import', `import { seal } from '../sealer/seal.ts'`],
    ['import type', `import type { Key } from '../sealer/seal.ts'`],
    ['inline type', `import { type Key } from '../sealer/seal.ts'`],
    ['side effect', `import '../sealer/seal.ts'`],
    ['export from', `export { seal } from '../sealer/seal.ts'`],
    ['export all', `export * from '../sealer/seal.ts'`],
    ['dynamic import', `const it = await import('../sealer/seal.ts')`],
    ['type import', `type Key = import('../sealer/seal.ts').Key`],
    ['worker', `new Worker(new URL('../sealer/seal.ts', import.meta.url))`],
  ])('the vault may not reach the sealer by %s', (_, text) => {
    const found = checkLayers(project({ 'src/vault/server.ts': text }))
    expect(found).toEqual(['src/vault/server.ts:1: vault may not import src/sealer/seal.ts'])
  })

  test('what the table allows passes', () => {
    const files = {
      'src/vault/server.ts': `import { a } from '../store/local/a.ts'\nimport './http/b.ts'`,
      'src/agent/run.ts': `import type { Plan } from '../control/api.ts'`,
      'src/console/app.ts': `import { open } from '../sealer/browser/open.ts'`,
      'src/packer/pack.test.ts': `import { tree } from '../../test/trees/tree.ts'`,
    }
    expect(checkLayers(project(files))).toEqual([])
  })

  test('part of a room is not the whole of it', () => {
    const files = {
      'src/agent/run.ts': `import { serve } from '../control/server.ts'`,
      'src/console/app.ts': `import { seal } from '../sealer/seal.ts'`,
      'src/cli/main.ts': `import { app } from '../console/app.ts'`,
      'src/base/a.ts': `import { b } from '../../test/b.ts'`,
      'src/chunker/c.ts': `import { d } from '../format/d.ts'`,
    }
    expect(checkLayers(project(files))).toHaveLength(5)
  })

  test('a folder without a row fails, a file outside the rooms too', () => {
    expect(checkLayers(project({ 'src/utils/a.ts': '', 'src/index.ts': '' }))).toHaveLength(2)
  })
})

describe('cycles', () => {
  test('two files that import each other, if only for types', () => {
    const files = {
      'src/store/a.ts': `import type { B } from './b.ts'`,
      'src/store/b.ts': `import { a } from './a.ts'`,
      'src/store/c.ts': `import { a } from './a.ts'`,
    }
    const cycle = 'import cycle: src/store/a.ts -> src/store/b.ts -> src/store/a.ts'
    expect(checkCycles(project(files))).toEqual([cycle])
  })

  test('a diamond is no cycle, and a worker may know its master', () => {
    const files = {
      'src/engine/a.ts': `import './b.ts'\nimport './c.ts'\nnew URL('./d.ts', import.meta.url)`,
      'src/engine/b.ts': `import './e.ts'`,
      'src/engine/c.ts': `import './e.ts'`,
      'src/engine/d.ts': `import type { A } from './a.ts'`,
      'src/engine/e.ts': '',
    }
    expect(checkCycles(project(files))).toEqual([])
  })
})

describe('the browser half', () => {
  const hash = `import { crc32 } from 'node:zlib'\nimport { Blake3Hasher } from '@napi-rs/blake-hash'`

  test('node and native packages are found through base', () => {
    const files = {
      'src/format/ids.ts': `import { b } from '../base/bytes.ts'`,
      'src/base/bytes.ts': `import { hash } from './hash.ts'`,
      'src/base/hash.ts': hash,
    }
    const way = 'src/format/ids.ts -> src/base/bytes.ts -> src/base/hash.ts'
    expect(checkBrowserHalf(project(files))).toEqual([
      `src/base/hash.ts:1: node:zlib is not for browsers (${way})`,
      `src/base/hash.ts:2: @napi-rs/blake-hash is not for browsers (${way})`,
    ])
  })

  test('tests of format, and base files that format does not import, are free', () => {
    const files = {
      'src/format/ids.ts': `import { wordlist } from '@scure/bip39/wordlists/english.js'`,
      'src/format/ids.test.ts': `import { test } from 'vitest'`,
      'src/base/hash.ts': hash,
    }
    expect(checkBrowserHalf(project(files))).toEqual([])
  })
})

describe('sizes', () => {
  const lines = (count: number): string => 'x()\n'.repeat(count)

  test('a file of 501 lines', () => {
    expect(checkFileLength(parse('src/base/a.ts', lines(500)))).toEqual([])
    expect(checkFileLength(parse('src/base/a.ts', lines(501)))).toHaveLength(1)
  })

  test.each([
    ['function', (body: string) => `function f() {\n${body}}`],
    ['arrow function', (body: string) => `const f = () => {\n${body}}`],
    ['method', (body: string) => `class A { f() {\n${body}} }`],
    ['constructor', (body: string) => `class A { constructor() {\n${body}} }`],
    ['getter', (body: string) => `class A { get f() {\n${body}} }`],
  ])('a %s of 71 lines', (_, around) => {
    expect(checkFunctionLength(parse('src/base/a.ts', around(lines(68))))).toEqual([])
    expect(checkFunctionLength(parse('src/base/a.ts', around(lines(70))))).toHaveLength(1)
  })

  test('a suite may be long, the tests in it may not, and product code has no suites', () => {
    const short = `test('a', () => {\n${lines(40)}})\n`
    const suite = (inner: string): string => `describe('s', () => {\n${inner}})`
    expect(checkFunctionLength(parse('src/base/a.test.ts', suite(short.repeat(5))))).toEqual([])
    const long = `test('a', () => {\n${lines(80)}})\n`
    expect(checkFunctionLength(parse('src/base/a.test.ts', suite(long)))).toHaveLength(1)
    expect(checkFunctionLength(parse('src/base/a.ts', suite(short.repeat(5))))).toHaveLength(1)
  })
})

describe('bans', () => {
  test('any is found in every position, and the word in text is not', () => {
    expect(
      checkAny(parse('a.ts', 'const a: any = 1\nfunction f(x: Map<string, any>): void {}')),
    ).toEqual(['a.ts:1: no any', 'a.ts:2: no any'])
    expect(checkAny(parse('a.ts', '// any\nconst any = "as any"'))).toEqual([])
  })

  test.each([
    ['console.log("x")', 'src/engine/a.ts', 'src/cli/a.ts'],
    ['console.error("x")', 'src/engine/a.test.ts', 'tools/a.ts'],
    ['process.exit(1)', 'src/engine/a.ts', 'src/cli/a.ts'],
    ['process["exit"](1)', 'src/engine/a.ts', 'scripts/a.ts'],
    ['import { exit } from "node:process"', 'src/engine/a.ts', 'src/cli/a.ts'],
    ['const t = Date.now()', 'src/engine/a.ts', 'src/base/clock.ts'],
    ['const f = { now: Date.now }', 'src/cli/a.ts', 'src/base/clock.ts'],
    ['const t = new Date()', 'src/engine/a.ts', 'bench/a.ts'],
    ['Math.random()', 'test/trees/a.ts', 'src/base/random.ts'],
    ['globalThis.Math.random()', 'src/engine/a.ts', 'bench/a.ts'],
    ['import { hash } from "node:crypto"', 'src/base/clock.ts', 'src/base/hash.ts'],
    ['import { hash } from "crypto"', 'src/engine/a.ts', 'src/sealer/seal.ts'],
    ['import type { Hash } from "node:crypto"', 'src/store/a.ts', 'src/store/a.test.ts'],
    ['crypto.randomUUID()', 'src/store/a.ts', 'src/vault/token.ts'],
  ])('%s in %s, but not in %s', (text, wrong, right) => {
    expect(checkBans(parse(wrong, text))).toHaveLength(1)
    expect(checkBans(parse(right, text))).toEqual([])
  })

  test('what only looks like it passes', () => {
    const text =
      'new Date(5); date.now(); clock.now(); log.console(); // process.exit()\nconst a = "Date.now()"'
    expect(checkBans(parse('src/engine/a.ts', text))).toEqual([])
  })
})

describe('documents', () => {
  test('a dependency needs a line with a reason, and a line needs a dependency', () => {
    const manifest = {
      dependencies: { a: '1.0.0', b: '1.0.0' },
      optionalDependencies: { c: '1.0.0' },
    }
    const reason = 'because the platform has nothing like it'
    expect(checkDependencies(manifest, `- \`a\`: ${reason}\n- \`b\`, \`c\`: ${reason}`)).toEqual([])
    expect(
      checkDependencies(manifest, `- \`a\`: ${reason}\n- \`b\`: good\n- \`d\`: ${reason}`),
    ).toEqual([
      'docs/dependencies.md: the dependency b has no line',
      'docs/dependencies.md: the dependency c has no line',
      'docs/dependencies.md: the dependency d does not exist',
    ])
  })

  test('a version range is not a pin', () => {
    expect(checkExactVersions({ dependencies: { a: '1.2.3', b: '^1.2.3' } })).toHaveLength(1)
    expect(checkExactVersions({ devDependencies: { a: 'latest' } })).toHaveLength(1)
  })

  test('an error code needs a full row, once', () => {
    const row = (code: string): string => `| \`${code}\` | 1 | meaning | remedy |\n`
    expect(checkErrorCodes(['usage', 'timeout'], row('usage') + row('timeout'))).toEqual([])
    expect(
      checkErrorCodes(['usage', 'timeout'], '| `usage` | 1 | | |\n' + row('timeout')),
    ).toHaveLength(1)
    expect(checkErrorCodes(['usage'], row('usage') + row('usage') + row('old'))).toHaveLength(2)
  })

  test('every command needs a section that names its options', () => {
    const program = new Command('cairn').option('--json', 'as JSON')
    program
      .command('key')
      .command('add')
      .option('-r, --role <role>', 'what for')
      .option('--no-x', '')
    program.command('backup').addOption(new Option('--secret').hideHelp())
    const right =
      '# `cairn`\n--json\n## `cairn key`\n### `cairn key add`\n`-r`, `--role <role>` --no-x'
    const shapes = shapesOf(program)
    expect(checkCommands(shapes, `${right}\n## \`cairn backup\``)).toEqual([])
    expect(checkCommands(shapes, right.replace('--role ', '--roles '))).toEqual([
      'docs/cli.md: cairn key add does not name --role',
      'docs/cli.md: the command cairn backup has no section',
    ])
  })
})

describe('the lock file', () => {
  const asks = { optionalDependencies: { 'x-linux-x64-musl': '1.2.3', 'y-win32-arm64': '2.0.0' } }
  const packages = {
    '': {},
    'node_modules/a': { version: '1.0.0', dev: true, ...asks },
    'node_modules/a/node_modules/y-win32-arm64': { version: '2.0.0', optional: true },
  }

  test('an optional package without an entry is a gap, a nested one is none', () => {
    expect(findGaps(packages).map(({ path }) => path)).toEqual(['node_modules/x-linux-x64-musl'])
  })

  test('a gap is filled from what the name says', () => {
    const whole = completed(packages)
    expect(findGaps(whole)).toEqual([])
    expect(whole['node_modules/x-linux-x64-musl']).toEqual({
      version: '1.2.3',
      cpu: ['x64'],
      dev: true,
      libc: ['musl'],
      optional: true,
      os: ['linux'],
    })
  })

  test('a gap whose version or platform is open is refused', () => {
    expect(() => completed({ '': { optionalDependencies: { 'x-linux-x64': '^1.0.0' } } })).toThrow()
    expect(() => completed({ '': { optionalDependencies: { fsevents: '1.0.0' } } })).toThrow()
  })
})
