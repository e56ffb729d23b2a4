import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'

const root = join(import.meta.dirname, '..')
const scratch = mkdtempSync(join(tmpdir(), 'cairn-reporter-'))
symlinkSync(join(root, 'node_modules'), join(scratch, 'node_modules'))
afterAll(() => {
  rmSync(scratch, { recursive: true })
})

/** Runs vitest over one test file with our reporter; the last line that it prints, and its exit code. */
function run(source: string): {
  readonly last: string | undefined
  readonly status: number | null
} {
  writeFileSync(join(scratch, 'it.test.ts'), `import { test, beforeAll } from 'vitest'\n${source}`)
  const reporters = ['--reporter=default', `--reporter=${join(root, 'test/reporter.ts')}`]
  const args = ['run', '--root', scratch, ...reporters]
  const { stdout, status } = spawnSync(join(root, 'node_modules/.bin/vitest'), args, {
    encoding: 'utf8',
    env: { ...process.env, CAIRN_TEST_REQUIRE: '' },
  })
  return { last: stdout.trimEnd().split('\n').at(-1), status }
}

test('the last line counts the tests', () => {
  expect(run(`test('a', () => {}); test('b', () => {}); test.skip('c', () => {})`)).toEqual({
    last: '2 passed, 0 failed, 1 skipped',
    status: 0,
  })
})

test('a failure is counted and fails the run', () => {
  const source = `test('a', () => {}); test('b', () => { throw new Error('no') })`
  expect(run(source)).toEqual({ last: '1 passed, 1 failed', status: 1 })
})

test('what fails outside a test is counted too', () => {
  expect(run(`throw new Error('does not load')`).last).toBe('0 passed, 1 failed')
  expect(run(`beforeAll(() => { throw new Error('no') }); test('a', () => {})`).last).toBe(
    '0 passed, 1 failed, 1 skipped',
  )
  expect(run(`test('a', () => { void Promise.reject(new Error('nobody waits')) })`)).toEqual({
    last: '1 passed, 1 failed',
    status: 1,
  })
})

test('a run without a test is a failure', () => {
  expect(run(`test.skip('a', () => {})`)).toEqual({
    last: '0 passed, 0 failed, 1 skipped',
    status: 1,
  })
  expect(run('').status).toBe(1)
})
