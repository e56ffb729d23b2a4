// `cairn snapshots`: what can be given.

import type { Command } from 'commander'
import type { SnapshotsFlags } from '../actions/snapshots.ts'
import { examples } from '../examples.ts'
import { execute } from '../execute.ts'
import { wholeNumber } from '../option-values.ts'
import { addSnapshotOptions } from '../snapshot-options.ts'

export function addSnapshots(program: Command): void {
  const command = program.command('snapshots').description('List the snapshots, oldest first.')
  addSnapshotOptions(command)
    .option('--latest <number>', 'only this many of each source, the newest', wholeNumber)
    .addHelpText(
      'after',
      examples(
        'cairn snapshots',
        'cairn snapshots --host web1 --tag weekly --latest 3',
        "cairn snapshots --json | jq -r '.snapshots[].id'",
      ),
    )
    .action(async (flags: SnapshotsFlags, self: Command) => {
      const { snapshotsAction } = await import('../actions/snapshots.ts')
      await execute(self, (context) => snapshotsAction(context, flags))
    })
}
