// `cairn sync`: what can be given.

import type { Command } from 'commander'
import type { SyncFlags } from '../actions/sync.ts'
import { examples } from '../examples.ts'
import { execute } from '../execute.ts'
import { text } from '../option-values.ts'

export function addSync(program: Command): void {
  program
    .command('sync')
    .description('Copy what is new to another place, encrypted as it is. Asks for no passphrase.')
    .requiredOption('--to <address>', 'where to: an empty place, or a copy made before', text)
    .option('--delete', 'remove there the snapshots that are here no longer')
    .option('--create', 'make a new copy also where there was one before')
    .option('-n, --dry-run', 'only tell what would be done')
    .addHelpText(
      'after',
      examples(
        'cairn sync --to /mnt/disk/copy',
        'cairn sync -r /mnt/disk/backup --to /mnt/other/copy --dry-run',
        'cairn sync --to /mnt/disk/copy --delete',
      ),
    )
    .action(async (flags: SyncFlags, self: Command) => {
      const { syncAction } = await import('../actions/sync.ts')
      await execute(self, (context) => syncAction(context, flags))
    })
}
