// `cairn copy`: what can be given.

import type { Command } from 'commander'
import type { CopyFlags } from '../actions/copy.ts'
import { examples } from '../examples.ts'
import { execute } from '../execute.ts'
import { text } from '../option-values.ts'
import { addOtherOptions } from '../other-repository.ts'
import { addSnapshotOptions, places } from '../snapshot-options.ts'

export function addCopy(program: Command): void {
  const command = program
    .command('copy')
    .description('Copy snapshots into another repository, which has other keys.')
    .argument('[snapshots...]', 'latest, or ids of at least four digits; otherwise all', places)
    .requiredOption('--to <address>', 'the repository that they are copied into', text)
  addSnapshotOptions(addOtherOptions(command, 'to'))
    .option('-n, --dry-run', 'only tell which would be copied')
    .addHelpText(
      'after',
      examples(
        'cairn copy --to /mnt/disk/backup',
        'cairn copy --to /mnt/disk/backup latest --source web1',
        'cairn copy -r /mnt/disk/backup --to /mnt/other --to-key-file /root/other.key 1a2b3c4d',
      ),
    )
    .action(async (snapshots: readonly string[], flags: CopyFlags, self: Command) => {
      const { copyAction } = await import('../actions/copy.ts')
      await execute(self, (context) => copyAction(context, { ...flags, snapshots }))
    })
}
