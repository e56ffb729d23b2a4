// The program from its arguments to its exit code.

import { CommanderError } from 'commander'
import { CairnError } from '../base/errors.ts'
import { EXIT } from './exit-codes.ts'
import { program, VERSION_ASKED } from './program.ts'
import { escapedArguments } from './raw-arguments.ts'

export async function main(argv: readonly string[]): Promise<void> {
  // Help is written before there is anything else that listens.
  const failures: Error[] = []
  process.stdout.on('error', (error: Error) => failures.push(error))
  try {
    await program.parseAsync([...escapedArguments(argv)])
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.code === VERSION_ASKED) await showVersion()
    else if (error.exitCode === 0) process.exitCode = await reportShown(failures)
    else process.exitCode = await reportUsage(error)
  }
  // Threads and timers that are left must not keep it alive.
  process.exit()
}

/** Which options came behind --version is not known yet: only one matters. */
async function showVersion(): Promise<void> {
  await program.parseAsync(['version', ...(wantsJson() ? ['--json'] : [])], { from: 'user' })
}

function wantsJson(): boolean {
  return process.argv.includes('--json')
}

/** Help that could not be written was not shown. */
async function reportShown(failures: readonly Error[]): Promise<number> {
  await new Promise((resolve) => setImmediate(resolve))
  if (failures.length === 0) return EXIT.done
  const [{ newContext }, { isEpipe }] = await Promise.all([
    import('./context.ts'),
    import('./output.ts'),
  ])
  const failure = failures.find((error) => !isEpipe(error))
  if (failure === undefined) return EXIT.done
  const { output } = newContext({})
  output.unwritten(failure)
  await output.end()
  return EXIT.failed
}

async function reportUsage(error: CommanderError): Promise<number> {
  // `cairn` alone, or `cairn key`: the help has been written to stderr.
  if (error.code === 'commander.help') return EXIT.usage
  const [{ newContext }, { reportError }] = await Promise.all([
    import('./context.ts'),
    import('./report-error.ts'),
  ])
  const { output } = newContext({ json: wantsJson() })
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
