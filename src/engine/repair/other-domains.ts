// Damaged objects that may be of a domain that the key in use does not hold: only who holds it can tell what
// they said, and save more of them.

import { type Bytes, equalBytes } from '../../base/bytes.ts'
import { isCairnError } from '../../base/errors.ts'
import { decodePrefix } from '../../format/prefix.ts'
import type { Repository } from '../../repository/repository.ts'

export function mayBeOfOthers({ domains, config }: Repository, object: Bytes): boolean {
  const isOurs = (id: Bytes) => domains.some((domain) => equalBytes(domain.id, id))
  const others = config.domains.filter(({ id }) => !isOurs(id))
  if (others.length === 0) return false
  const id = domainIn(object)
  // What names no domain that there is may have named any before it was damaged.
  return id === undefined || !isOurs(id)
}

export const MAY_BE_OF_OTHERS = 'it may be of a domain that this key does not hold'

function domainIn(object: Bytes): Bytes | undefined {
  try {
    return decodePrefix(object).domain
  } catch (error) {
    if (isCairnError(error, 'object-damaged', 'unsupported')) return undefined
    throw error
  }
}
