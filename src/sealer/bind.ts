// What sealed bytes are bound to: the repository, the prefix of their object, and which part of the
// object they are. Bytes that open under one binding open under no other.

import { type Bytes, utf8 } from '../base/bytes.ts'

/** Parts of objects that are sealed by themselves. */
export const PART = { body: 0, header: 1, frame: 2, summary: 3, details: 4 } as const

const LABEL = utf8('cairn v1 sealed')

/** The associated data: label, repository id (32), prefix (32), part (1), and what else is given. */
export function binding(options: {
  readonly repositoryId: Bytes
  readonly prefix: Bytes
  readonly part: keyof typeof PART
  readonly extra?: Bytes
}): Bytes {
  const { repositoryId, prefix, part, extra } = options
  const partAt = LABEL.length + repositoryId.length + prefix.length
  const bound = new Uint8Array(partAt + 1 + (extra?.length ?? 0))
  bound.set(LABEL)
  bound.set(repositoryId, LABEL.length)
  bound.set(prefix, LABEL.length + repositoryId.length)
  bound[partAt] = PART[part]
  if (extra !== undefined) bound.set(extra, partAt + 1)
  return bound
}
