// What the system says about a folder (errno), as an error that says what to do. Which direction
// failed is known at the first line: an error from writing a store is never taken for one from
// reading it.

import { CairnError, isCairnError, messageOf } from '../../base/errors.ts'
import { missing } from '../range.ts'

/** What was being done to what: `action` completes 'Cannot ...'. */
export interface Attempt {
  readonly action: string
  readonly address: string
  readonly name: string
}

/** The code of a system error ('ENOENT'), or undefined for any other error. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

const FULL: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota is used up',
}

export function isFull(error: unknown): boolean {
  return FULL[errnoOf(error) ?? ''] !== undefined
}

interface Reason {
  readonly why: string
  readonly hint: string
  /** True where the same call may succeed in a moment. */
  readonly passes?: boolean
}

const REASONS: Readonly<Record<string, Reason>> = {
  EACCES: {
    why: 'permission is denied',
    hint: 'Run as the user who owns the repository, or give this user access to its folder.',
  },
  EPERM: {
    why: 'the system does not permit it',
    hint: 'Look for an immutable attribute (lsattr) or a mount option on the folder.',
  },
  EROFS: { why: 'the file system is mounted read-only', hint: 'Mount it writable.' },
  ELOOP: {
    why: 'a symbolic link stands where a file or folder of the repository should be',
    hint: 'Put the file or folder itself there. Only the repository folder may be a link.',
  },
  ENOTDIR: {
    why: 'something that is not a folder stands where a folder of the repository should be',
    hint: 'Move it out of the repository.',
  },
  EFBIG: {
    why: 'the file would be longer than it may be',
    hint: 'Raise the limit (ulimit -f), or take a file system that has files of 64 MiB.',
  },
  EXDEV: {
    why: 'the folders of the repository are on different file systems',
    hint: 'Keep the whole repository on one file system.',
  },
  EIO: {
    why: 'the disk reports an input/output error',
    hint: 'Look at the system log (dmesg) and at the health of the disk.',
    passes: true,
  },
  EMFILE: { why: 'too many files are open', hint: 'Raise the limit (ulimit -n).', passes: true },
  ENFILE: { why: 'too many files are open', hint: 'Raise the limit (fs.file-max).', passes: true },
}

/** An error of writing, removing included. Leaves a CairnError as it is. */
export function writeError(error: unknown, attempt: Attempt): CairnError {
  if (isCairnError(error)) return error
  const full = FULL[errnoOf(error) ?? '']
  if (full === undefined) return described('store-unwritable', error, attempt)
  return new CairnError('no-space', `${what(attempt)}: ${full}`, {
    hint: 'Make room on it and run the command again: what was stored before is kept.',
    context: { object: attempt.name, retry: false },
    cause: error,
  })
}

/** An error of reading. Leaves a CairnError as it is; ENOENT becomes 'object-missing'. */
export function readError(error: unknown, attempt: Attempt): CairnError {
  if (isCairnError(error)) return error
  const errno = errnoOf(error)
  if (errno === 'ENOENT') return missing(attempt)
  const foreign = errno === 'ELOOP' || errno === 'ENOTDIR' || errno === 'EISDIR'
  return described(foreign ? 'object-damaged' : 'store-unreadable', error, attempt)
}

type Direction = 'store-unreadable' | 'store-unwritable' | 'object-damaged'

function described(code: Direction, error: unknown, attempt: Attempt): CairnError {
  const reason = REASONS[errnoOf(error) ?? ''] ?? {
    why: messageOf(error),
    hint: 'Look at the disk and the system log.',
    passes: true,
  }
  return new CairnError(code, `${what(attempt)}: ${reason.why}`, {
    hint: reason.hint,
    context: { object: attempt.name, retry: reason.passes === true },
    cause: error,
  })
}

function what(attempt: Attempt): string {
  const object = attempt.name === '' ? '' : ` ${attempt.name} in`
  return `Cannot ${attempt.action}${object} ${attempt.address}`
}

/** An error of a file system on which no folder can be made, such as /proc. */
export function makesNoFolders(folder: string, error: unknown): CairnError {
  return new CairnError('store-unwritable', `Cannot make the folder ${folder}`, {
    hint: 'Name a folder on a file system that can be written.',
    context: { retry: false },
    cause: error,
  })
}

/** An error of a repository folder that is not there, as on a disk that is not mounted. */
export function noFolder(address: string): CairnError {
  return new CairnError('no-repository', `Cannot use ${address}: there is no such folder`, {
    hint: 'Is the disk mounted? `cairn init` makes a new repository.',
    context: { retry: false },
  })
}
