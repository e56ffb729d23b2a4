// Keys as people see and name them.

import { CairnError } from '../base/errors.ts'
import type { GrantInfo } from '../repository/grants.ts'

const DIGITS = 8

/** `3f2a91c0`, of `keys/3f2a91c0...`. */
export function keyId(name: string): string {
  return name.slice(name.indexOf('/') + 1)
}

export function shortKeyId(name: string): string {
  return keyId(name).slice(0, DIGITS)
}

/** The key that a label or the beginning of an id names. Throws 'not-found' or 'ambiguous'. */
export function findKey(grants: readonly GrantInfo[], wanted: string): GrantInfo {
  const labelled = grants.filter(({ label }) => label === wanted)
  const byId = wanted.length >= 4 ? grants.filter(({ name }) => keyId(name).startsWith(wanted)) : []
  const found = labelled.length > 0 ? labelled : byId
  if (found.length === 1) return found[0] as GrantInfo
  if (found.length === 0) {
    throw new CairnError('not-found', `There is no key ${wanted}`, {
      hint: '`cairn key list` lists them. An id needs at least four digits.',
    })
  }
  const ids = found.map(({ name }) => shortKeyId(name)).join(', ')
  throw new CairnError('ambiguous', `${found.length} keys are named ${wanted}: ${ids}`, {
    hint: 'Give the id.',
  })
}
