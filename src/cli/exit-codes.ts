// What the program's exit code says (docs/errors.md). Scripts go by these numbers: they never change.

import type { ErrorCode } from '../base/errors.ts'

export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  incomplete: 3,
  noRepository: 10,
  denied: 12,
  interrupted: 130,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

export const EXIT_CODES: Readonly<Record<ErrorCode, ExitCode>> = {
  usage: EXIT.usage,
  'no-repository': EXIT.noRepository,
  'repository-exists': EXIT.failed,
  'wrong-passphrase': EXIT.denied,
  'not-permitted': EXIT.denied,
  'not-found': EXIT.failed,
  ambiguous: EXIT.failed,
  'object-missing': EXIT.failed,
  'object-damaged': EXIT.failed,
  'object-foreign': EXIT.failed,
  unsupported: EXIT.failed,
  'source-unreadable': EXIT.failed,
  'target-unwritable': EXIT.failed,
  'store-unreadable': EXIT.failed,
  'store-unwritable': EXIT.failed,
  'no-space': EXIT.failed,
  timeout: EXIT.failed,
  'snapshot-unconfirmed': EXIT.failed,
  'check-failed': EXIT.failed,
  incomplete: EXIT.incomplete,
  interrupted: EXIT.interrupted,
  platform: EXIT.failed,
}
