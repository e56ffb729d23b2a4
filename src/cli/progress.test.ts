import { expect, test } from 'vitest'
import { progressLine, type Step } from './progress.ts'

const MEBI = 1024 ** 2
const step: Step = {
  doneBytes: 300 * MEBI,
  totalBytes: 1000 * MEBI,
  counts: ['1,234 files'],
  fields: {},
}
const timing = { bytesPerSecond: 100 * MEBI, elapsedMs: 3000 }

test('a bar, counts, rate and the time left', () => {
  expect(progressLine(step, timing)).toBe(
    '[======>             ]  30 %  1,234 files  300 MiB  100 MiB/s  7.0 s left',
  )
})

test('no bar and no time left where the total is not known', () => {
  const line = progressLine({ ...step, totalBytes: undefined }, timing)
  expect(line).toBe('1,234 files  300 MiB  100 MiB/s  3.0 s')
})

test('never done before the end, however much more there is than last time', () => {
  expect(progressLine({ ...step, totalBytes: 100 * MEBI }, timing)).toContain(' 99 %')
})

test('never longer than the terminal is wide', () => {
  expect(progressLine(step, { ...timing, columns: 40 })).toHaveLength(39)
})
