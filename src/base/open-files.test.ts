import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { openFilesIn, openFilesMax } from './open-files.ts'

test('the limit is the one that the shell sets', () => {
  const shell = 'ulimit -n 123; cat /proc/self/limits'
  expect(openFilesIn(execFileSync('sh', ['-c', shell], { encoding: 'utf8' }))).toBe(123)
  expect(openFilesMax()).toBeGreaterThan(0)
})

test('no limit is no limit', () => {
  const line = 'Max open files            unlimited            unlimited            files     \n'
  expect(openFilesIn(line)).toBe(Number.POSITIVE_INFINITY)
  expect(openFilesIn('')).toBe(Number.POSITIVE_INFINITY)
})
