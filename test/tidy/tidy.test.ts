// The project keeps its own rules: the last section of STYLE, on the real files. That each check
// catches what it should is shown in checks.test.ts.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { expect, test } from 'vitest'
import { findGaps, type LockedPackages } from '../../scripts/complete-lockfile.ts'
import { ERROR_CODES } from '../../src/base/errors.ts'
import { shapesOf } from './commands.ts'
import {
  checkCommands,
  checkDependencies,
  checkErrorCodes,
  checkExactVersions,
  type Manifest,
} from './documents.ts'
import { checkBrowserHalf, checkCycles, checkLayers } from './layers.ts'
import { checkAny, checkBans, checkFileLength, checkFunctionLength } from './rules.ts'
import { ROOT, readSources } from './sources.ts'

const sources = readSources('src', 'test', 'tools', 'bench', 'scripts')

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

const manifest = JSON.parse(read('package.json')) as Manifest
const lock = JSON.parse(read('package-lock.json')) as { readonly packages: LockedPackages }

test('there are sources to check', () => {
  expect(sources.map(({ path }) => path)).toContain('src/base/errors.ts')
})

test('imports keep to the table of layers', () => {
  expect(checkLayers(sources)).toEqual([])
})

test('no imports form a cycle', () => {
  expect(checkCycles(sources)).toEqual([])
})

test('format runs in a browser, with all that it imports', () => {
  expect(checkBrowserHalf(sources)).toEqual([])
})

test('no file is over 500 lines, no function over 70', () => {
  expect(sources.flatMap(checkFileLength)).toEqual([])
  expect(sources.flatMap(checkFunctionLength)).toEqual([])
})

test('there is no any', () => {
  expect(sources.flatMap(checkAny)).toEqual([])
})

test('console, process.exit, time, randomness and crypto are used only where they belong', () => {
  expect(sources.flatMap(checkBans)).toEqual([])
})

test('every dependency is pinned and has its line in docs/dependencies.md', () => {
  expect(checkExactVersions(manifest)).toEqual([])
  expect(checkDependencies(manifest, read('docs/dependencies.md'))).toEqual([])
})

test('the lock file is complete for all platforms and names no registry', () => {
  const withAddress = Object.entries(lock.packages).filter(
    ([, { resolved }]) => resolved !== undefined,
  )
  expect(withAddress.map(([path]) => path)).toEqual([])
  expect(findGaps(lock.packages).map(({ path }) => `${path}: run npm run lockfile`)).toEqual([])
})

test('every error code is documented in docs/errors.md', () => {
  expect(checkErrorCodes(ERROR_CODES, read('docs/errors.md'))).toEqual([])
})

const programFile = join(ROOT, 'src/cli/program.ts')
if (existsSync(programFile)) {
  test('every option of every command is documented in docs/cli.md', async () => {
    const { program } = (await import(programFile)) as { readonly program?: unknown }
    if (!(program instanceof Command)) {
      throw new Error('src/cli/program.ts exports no commander Command named program')
    }
    expect(checkCommands(shapesOf(program), read('docs/cli.md'))).toEqual([])
  })
}
