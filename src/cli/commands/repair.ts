// `cairn repair`: what can be given.

import type { Command } from 'commander'
import type { RepairFlags } from '../actions/repair.ts'
import { examples } from '../examples.ts'
import { execute } from '../execute.ts'
import { objectNames, text, workers } from '../option-values.ts'

export function addRepair(program: Command): void {
  program
    .command('repair')
    .description('Make a damaged repository whole again, as far as that can be done.')
    .option('--from <address>', 'a copy of the repository to take from what is damaged here', text)
    .option('--read-data', 'read and open everything that is stored to find what is damaged')
    .option('--mark-lost', 'give up what cannot be had from anywhere')
    .option(
      '--set-aside <object>',
      'put into quarantine what nobody here knows, by its name (repeatable)',
      objectNames,
    )
    .option('--dry-run', 'only show what would be done')
    .option('--workers <number>', 'threads that read (default: one for each core)', workers)
    .addHelpText(
      'after',
      examples(
        'cairn repair --dry-run',
        'cairn repair --read-data',
        'cairn repair --from /mnt/second-disk/backup',
      ),
    )
    .action(async (flags: RepairFlags, self: Command) => {
      const { repairAction } = await import('../actions/repair.ts')
      await execute(self, (context) => repairAction(context, flags))
    })
}
