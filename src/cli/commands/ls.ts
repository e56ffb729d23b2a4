// `cairn ls`: what can be given.

import type { Command } from 'commander'
import type { LsFlags } from '../actions/ls.ts'
import { examples } from '../examples.ts'
import { execute } from '../execute.ts'
import { addSnapshotOptions, place } from '../snapshot-options.ts'

export function addLs(program: Command): void {
  const command = program
    .command('ls')
    .description('List what is in a snapshot.')
    .argument(
      '<snapshot[:path]>',
      'latest, latest~1, or an id; without a path what was backed up',
      place,
    )
  addSnapshotOptions(command)
    .option('-R, --recursive', 'list what is in folders too')
    .option('-l, --long', 'list with type, mode, owner, size and time')
    .addHelpText(
      'after',
      examples('cairn ls latest', 'cairn ls -l latest:/etc', 'cairn ls -R 4930ea8e:/home/me'),
    )
    .action(async (wanted: string, flags: LsFlags, self: Command) => {
      const { lsAction } = await import('../actions/ls.ts')
      await execute(self, (context) => lsAction(context, { ...flags, place: wanted }))
    })
}
