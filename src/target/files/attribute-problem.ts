// One attribute that an entry could not be given. A restore by an ordinary user meets the same few
// of these for every file: `kind` lets the engine count them instead of listing each.

import type { Bytes } from '../../base/bytes.ts'
import type { Result } from '../../base/libc.ts'
import { Errno, errnoName } from '../../base/libc-error.ts'

export interface AttributeProblem {
  /** 'type': the entry is not what was to be given metadata, so nothing was done. */
  readonly attribute: 'type' | 'owner' | 'group' | 'xattr' | 'mode' | 'times'
  /** Which extended attribute, where it is one; ACLs and capabilities are xattrs. */
  readonly name?: Bytes
  /**
   * 'not-permitted' to this user (giving files away, trusted.*, security.*, ...); 'unsupported' by
   * the file system; 'failed' for everything else.
   */
  readonly kind: 'not-permitted' | 'unsupported' | 'failed'
  readonly errno: number
  /** 'EPERM' and its like. */
  readonly code: string
}

export function problemOf(
  attribute: AttributeProblem['attribute'],
  result: Result,
  name?: Bytes,
): AttributeProblem {
  const errno = -result
  const problem = { attribute, kind: kindOf(errno), errno, code: errnoName(errno) }
  return name === undefined ? problem : { ...problem, name }
}

function kindOf(errno: number): AttributeProblem['kind'] {
  if (errno === Errno.EPERM || errno === Errno.EACCES) return 'not-permitted'
  if (errno === Errno.ENOTSUP || errno === Errno.ENOSYS) return 'unsupported'
  return 'failed'
}
