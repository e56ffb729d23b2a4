// The program from its arguments to its exit code.

import { CommanderError } from 'commander'
import { CairnError } from '../base/errors.ts'
import { EXIT } from './exit-codes.ts'
import { program } from './program.ts'
import { escapedArguments } from './raw-arguments.ts'

/** Codes with which commander ends after it has shown what was asked for. */
const SHOWN = new Set(['commander.helpDisplayed', 'commander.version'])

export async function main(argv: readonly string[]): Promise<void> {
  try {
    await program.parseAsync([...escapedArguments(argv)])
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    process.exitCode = SHOWN.has(error.code) ? EXIT.done : await reportUsage(error)
  }
  // Threads and timers that are left must not keep it alive.
  process.exit()
}

async function reportUsage(error: CommanderError): Promise<number> {
  // `cairn` alone, or `cairn key`: the help has been written to stderr.
  if (error.code === 'commander.help') return EXIT.usage
  const [{ newContext }, { reportError }] = await Promise.all([
    import('./context.ts'),
    import('./report-error.ts'),
  ])
  const { output } = newContext({ json: process.argv.includes('--json') })
  const message = error.message
    .replace(/^error: /, '')
    .replace(/\n\(Did you mean/, ' (did you mean')
  const code = reportError(output, new CairnError('usage', capital(message), { hint: hintFor() }))
  await output.end()
  return code
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function hintFor(): string {
  const name = process.argv[2] ?? ''
  const command = program.commands.find((one) => one.name() === name)
  return `See \`cairn ${command === undefined ? '' : `${command.name()} `}--help\`.`
}
