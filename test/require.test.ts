import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { judge, parseRequired, REQUIREMENTS, type Requirement } from './require.ts'

const lacksLoop = (requirement: Requirement): boolean => requirement !== 'loop'

test('a suite runs where all that it needs is there', () => {
  const machine = { has: lacksLoop, required: new Set(REQUIREMENTS) }
  expect(judge(['root', 'acl'], machine)).toEqual({ kind: 'run' })
})

test('a suite is skipped by name where something is missing', () => {
  const machine = { has: lacksLoop, required: new Set<Requirement>(['root']) }
  expect(judge(['root', 'loop'], machine)).toEqual({ kind: 'skip', missing: ['loop'] })
})

test('a suite fails where something is missing that CAIRN_TEST_REQUIRE names', () => {
  const machine = { has: lacksLoop, required: parseRequired('acl, loop') }
  expect(judge(['root', 'loop'], machine)).toEqual({ kind: 'fail', missing: ['loop'] })
})

test('a requirement that nobody knows is an error, not a suite that is skipped for ever', () => {
  expect(() => parseRequired('acl,lop')).toThrow('lop is not one of')
  expect(parseRequired('')).toEqual(new Set())
})

test('.ci/run names every requirement', () => {
  const script = readFileSync(join(import.meta.dirname, '../.ci/run'), 'utf8')
  const list = /^export CAIRN_TEST_REQUIRE=(.*)$/m.exec(script)?.[1] ?? ''
  expect(parseRequired(list)).toEqual(new Set(REQUIREMENTS))
})
