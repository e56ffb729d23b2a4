// `cairn check`: what can be given.

import type { Command } from 'commander'
import type { CheckFlags } from '../actions/check.ts'
import { examples } from '../examples.ts'
import { execute } from '../execute.ts'
import { percentage, workers } from '../option-values.ts'

export function addCheck(program: Command): void {
  program
    .command('check')
    .description('Check that the repository is whole and that every snapshot can be restored.')
    .option('--read-data', 'read and open everything that is stored')
    .option(
      '--read-data-subset <percent>',
      'read a part, such as 5%; another one each time',
      percentage,
    )
    .option('--workers <number>', 'threads that read (default: one for each core)', workers)
    .addHelpText(
      'after',
      examples('cairn check', 'cairn check --read-data', 'cairn check --read-data-subset 5%'),
    )
    .action(async (flags: CheckFlags, self: Command) => {
      const { checkAction } = await import('../actions/check.ts')
      await execute(self, (context) => checkAction(context, flags))
    })
}
