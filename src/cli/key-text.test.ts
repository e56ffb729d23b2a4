// Keys by label and id.

import { expect, test } from 'vitest'
import type { GrantInfo } from '../repository/grants.ts'
import { findKey } from './key-text.ts'

function grant(name: string, label?: string): GrantInfo {
  return {
    name: `keys/${name}`,
    label,
    current: false,
    present: true,
    wrapping: 'secret',
    problem: undefined,
    role: 'reader',
    createdMs: 0,
    domains: [],
  }
}

const grants = [grant('aaaa1111', 'laptop'), grant('aaaa2222', 'server'), grant('bbbb3333')]

test('a key is found by its label, or the beginning of its id', () => {
  expect(findKey(grants, 'laptop').name).toBe('keys/aaaa1111')
  expect(findKey(grants, 'bbbb').name).toBe('keys/bbbb3333')
})

test('too few digits, or none that is there, find nothing', () => {
  for (const wanted of ['bbb', 'cccc', '']) {
    expect(() => findKey(grants, wanted)).toThrow('There is no key')
  }
})

test('what fits several keys is not guessed: owners at once may have given out one label twice', () => {
  const twice = [...grants, grant('cccc4444', 'laptop')]
  expect(() => findKey(twice, 'laptop')).toThrow('2 keys are named laptop: aaaa1111, cccc4444')
  expect(() => findKey(grants, 'aaaa')).toThrow('2 keys are named aaaa')
})
