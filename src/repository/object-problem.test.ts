import { expect, test } from 'vitest'
import { CairnError, type ErrorCode } from '../base/errors.ts'
import { forEachInParallel, ObjectProblems } from './object-problem.ts'

const error = (code: ErrorCode) => new CairnError(code, code)

test('what is wrong with an object is kept, anything else is thrown on', () => {
  const problems = new ObjectProblems()
  for (const code of ['object-damaged', 'not-permitted', 'store-unreadable', 'timeout'] as const)
    problems.take(code, error(code))
  expect(problems.found.map(({ name }) => name)).toEqual([
    'object-damaged',
    'not-permitted',
    'store-unreadable',
    'timeout',
  ])
  for (const other of [error('object-missing'), error('no-repository'), new Error('a bug')])
    expect(() => problems.take('x', other)).toThrow(other)
})

test('many objects in a row that cannot be had are a store that is gone', () => {
  const problems = new ObjectProblems()
  const gone = error('store-unreadable')
  for (let i = 0; i < 15; i++) problems.take(`${i}`, gone)
  problems.noteRead()
  for (let i = 0; i < 15; i++) problems.take(`${i}`, gone)
  expect(() => problems.take('the sixteenth', gone)).toThrow(gone)
})

test('where none of several can be had, the store is gone, too', () => {
  const problems = new ObjectProblems()
  problems.expectAnyRead()
  problems.take('a', error('timeout'))
  problems.expectAnyRead()
  problems.take('b', error('timeout'))
  expect(() => problems.expectAnyRead()).toThrow(/timeout/)
  problems.take('c', error('object-damaged'))
  problems.expectAnyRead()
})

test('after a failure nothing new is begun', async () => {
  const begun: number[] = []
  const work = forEachInParallel([1, 2, 3, 4, 5, 6], 2, async (item) => {
    begun.push(item)
    await Promise.resolve()
    if (item === 2) throw error('no-repository')
  })
  await expect(work).rejects.toMatchObject({ code: 'no-repository' })
  await new Promise((resolve) => setImmediate(resolve))
  expect(begun).not.toContain(6)
})
