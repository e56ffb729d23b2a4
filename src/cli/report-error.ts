// Tells of what ended a command, and says which exit code that is.

import { inspect } from 'node:util'
import { type CairnError, isCairnError, messageOf } from '../base/errors.ts'
import { EXIT, EXIT_CODES, type ExitCode } from './exit-codes.ts'
import type { Output } from './output.ts'
import { printableText } from './printable.ts'

export function reportError(output: Output, error: unknown): ExitCode {
  if (isCairnError(error)) return reportKnown(output, error)
  return reportBug(output, error)
}

function reportKnown(output: Output, error: CairnError): ExitCode {
  const { code, message, hint, context } = error
  output.error(safeText(message), hint === undefined ? undefined : safeText(hint))
  if (error.cause !== undefined) output.detail(`Because: ${safeText(messageOf(error.cause))}`)
  output.event({ event: 'error', code, message, hint, context })
  return EXIT_CODES[code]
}

/** Not one of the world's errors: a mistake of ours, and someone must be told of it. */
function reportBug(output: Output, error: unknown): ExitCode {
  const message = messageOf(error)
  const hint = 'This is a mistake in Cairn. Run it again with --verbose and report what it says.'
  output.error(safeText(message), hint)
  output.detail(inspect(error))
  output.event({ event: 'error', code: 'bug', message, hint })
  return EXIT.failed
}

/** Messages hold names of the user's files. Their line feeds are ours. */
function safeText(text: string): string {
  return text
    .split('\n')
    .map((line) => printableText(line).replaceAll('\\\\', '\\'))
    .join('\n')
}
