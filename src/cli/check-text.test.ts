import { expect, test } from 'vitest'
import { utf8 } from '../base/bytes.ts'
import { affectedLines } from './check-text.ts'

test('of very many snapshots and paths twenty each are named, and how many more there are', () => {
  const ids = Array.from({ length: 1230 }, (_, i) => i.toString(16).padStart(64, '0'))
  const paths = Array.from({ length: 22 }, (_, i) => utf8(`/path ${i}`))
  const [affected = '', , ...rest] = affectedLines(ids, paths)
  expect(affected.split(', ')).toHaveLength(20)
  expect(affected).toMatch(/ and 1,210 more \(--json lists all\)$/)
  expect(rest).toHaveLength(21)
  expect(rest.at(-1)).toBe('    and 2 more (--json lists all)')
})

test('of twenty none is left out', () => {
  const ids = Array.from({ length: 20 }, (_, i) => i.toString(16).padStart(64, '0'))
  expect(affectedLines(ids, [])).toEqual([expect.not.stringContaining('more')])
})
