// Runs what a command does, and turns how it ends into the exit code.

import type { Command } from 'commander'
import { type Context, newContext } from './context.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { reportError } from './report-error.ts'
import type { GlobalFlags } from './settings.ts'

/** Returns nothing where it went well. */
export type Action = (context: Context) => Promise<ExitCode | undefined>

/** Never throws; the exit code is in process.exitCode when it returns. */
export async function execute(command: Command, action: Action): Promise<void> {
  const context = newContext(command.optsWithGlobals<GlobalFlags>())
  const outcome = await outcomeOf(context, action)
  await context.output.end()
  process.exitCode = await withOutput(context, outcome)
}

/** What was done without anyone being told is not done; what had failed before says more. */
async function withOutput({ output }: Context, outcome: ExitCode): Promise<ExitCode> {
  const { failure } = output
  if (failure === undefined) return outcome
  output.unwritten(failure)
  await output.end()
  return outcome === EXIT.done ? EXIT.failed : outcome
}

async function outcomeOf(context: Context, action: Action): Promise<ExitCode> {
  try {
    return (await action(context)) ?? EXIT.done
  } catch (error) {
    context.output.status('')
    return reportError(context.output, error)
  }
}
