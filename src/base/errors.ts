// The errors of the world, as against our own bugs (those are `assert`). An error says what could
// not be done, why, and what to do next; `code` is what programs and exit codes go by. Codes are
// one closed union so that each table over them (exit codes, documentation) is total.

/** Every way in which Cairn fails for a reason outside its own code. */
export const ERROR_CODES = [
  'usage', // the command line or a configuration file does not make sense
  'no-repository', // nothing is stored where a repository was expected
  'repository-exists', // `init` found one already
  'wrong-passphrase', // no grant opens with what was given
  'not-permitted', // the grant in use does not hold the key for this
  'not-found', // a snapshot, path or object that was asked for is not there
  'ambiguous', // an id prefix or selection fits several things
  'object-missing', // the store does not have an object that it should have
  'object-damaged', // stored bytes do not match their name, seal or signature
  'object-foreign', // intact, but bound to another repository, domain or kind
  'unsupported', // a version, suite or critical field that this program does not know
  'source-unreadable', // reading what is to be backed up failed
  'target-unwritable', // writing what is to be restored failed
  'store-unreadable', // reading from a store failed
  'store-unwritable', // writing to a store failed
  'no-space', // a store or target is full
  'timeout', // an operation on a store did not end in time
  'snapshot-unconfirmed', // commit could not confirm what was written
  'check-failed', // check found damage
  'incomplete', // done, but with parts left out; each was listed
  'interrupted', // a signal ended the work
  'platform', // this machine lacks something that is needed
] as const

export type ErrorCode = (typeof ERROR_CODES)[number]

export interface ErrorDetails {
  /** What the user can do about it, as a sentence. */
  readonly hint?: string
  /** Machine-readable facts: object names, paths, sizes. Never secrets. */
  readonly context?: Readonly<Record<string, string | number | boolean>>
  readonly cause?: unknown
}

export class CairnError extends Error {
  readonly code: ErrorCode
  readonly hint: string | undefined
  readonly context: Readonly<Record<string, string | number | boolean>>

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'CairnError'
    this.code = code
    this.hint = details.hint
    this.context = details.context ?? {}
  }
}

/** True for a CairnError, and where `codes` are given only for one of these. */
export function isCairnError(error: unknown, ...codes: readonly ErrorCode[]): error is CairnError {
  return error instanceof CairnError && (codes.length === 0 || codes.includes(error.code))
}

/**
 * The error, with what could not be done before its message: `Cannot use config/00000001: it is cut off`. For
 * who knows which object or path it is about. What is no CairnError stays as it is.
 */
export function whileDoing(
  what: string,
  error: CairnError,
  context?: ErrorDetails['context'],
): CairnError
export function whileDoing(what: string, error: unknown, context?: ErrorDetails['context']): unknown
export function whileDoing(
  what: string,
  error: unknown,
  context: ErrorDetails['context'] = {},
): unknown {
  if (!(error instanceof CairnError)) return error
  const { code, message, hint, cause } = error
  return new CairnError(code, `${what}: ${message}`, {
    ...(hint !== undefined && { hint }),
    context: { ...error.context, ...context },
    cause,
  })
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Our own bug: never caught, never part of the program's normal paths. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`Bug in Cairn: ${message}`)
}
