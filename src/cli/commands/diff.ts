// `cairn diff`: what can be given.

import type { Command } from 'commander'
import type { DiffFlags } from '../actions/diff.ts'
import { examples } from '../examples.ts'
import { execute } from '../execute.ts'
import { addSnapshotOptions, place } from '../snapshot-options.ts'

export function addDiff(program: Command): void {
  const command = program
    .command('diff')
    .description('Show what differs between two snapshots.')
    .argument('<before[:path]>', 'the older snapshot: latest~1, or an id', place)
    .argument('<after[:path]>', 'the newer snapshot', place)
  addSnapshotOptions(command)
    .option('--metadata', 'show entries of which only mode, owner, times or attributes changed')
    .addHelpText(
      'after',
      examples(
        'cairn diff latest~1 latest',
        'cairn diff 4930ea8e:/etc latest:/etc --metadata',
        'cairn diff latest~7 latest --host web1',
      ),
    )
    .action(async (before: string, after: string, flags: DiffFlags, self: Command) => {
      const { diffAction } = await import('../actions/diff.ts')
      await execute(self, (context) => diffAction(context, { ...flags, before, after }))
    })
}
