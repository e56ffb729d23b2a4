// `cairn status` and `cairn lease`: what can be given.

import type { Command } from 'commander'
import type { LeaseFlags } from '../actions/lease.ts'
import { examples } from '../examples.ts'
import { execute } from '../execute.ts'
import { texts } from '../option-values.ts'

export function addStatus(program: Command): void {
  program
    .command('status')
    .description(
      'Show who is at work, how old each last snapshot is, and what waits to be deleted.',
    )
    .addHelpText('after', examples('cairn status', 'cairn status --json'))
    .action(async (_flags: unknown, self: Command) => {
      const { statusAction } = await import('../actions/status.ts')
      await execute(self, statusAction)
    })
}

export function addLease(program: Command): void {
  program
    .command('lease')
    .description('Show the sessions that say they are at work, or end those that are not any more.')
    .option(
      '--end <session>',
      'take away what a session left that is not at work (repeatable)',
      texts,
    )
    .addHelpText('after', examples('cairn lease', 'cairn lease --end 4f3a9c01'))
    .action(async (flags: LeaseFlags, self: Command) => {
      const { leaseAction } = await import('../actions/lease.ts')
      await execute(self, (context) => leaseAction(context, flags))
    })
}
