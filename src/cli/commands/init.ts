// `cairn init`: what can be given.

import type { Command } from 'commander'
import type { InitFlags } from '../actions/init.ts'
import { examples } from '../examples.ts'
import { execute } from '../execute.ts'
import { text } from '../option-values.ts'
import { addOtherOptions } from '../other-repository.ts'

export function addInit(program: Command): void {
  const command = program
    .command('init')
    .description('Make a repository. Asks for its passphrase on a terminal.')
    .option('--label <name>', 'a name for the first key, shown by `cairn key list`', text)
    .option(
      '--like <address>',
      'cut and name data as another repository does, so that copies from there deduplicate',
      text,
    )
  addOtherOptions(command, 'like')
    .addHelpText(
      'after',
      examples(
        'cairn init --repository /mnt/disk/backup',
        'cairn init -r /mnt/disk/backup --passphrase-file /root/.backup-passphrase',
        'cairn init -r /mnt/disk/backup --key-file /root/backup.key',
        'cairn init -r /mnt/disk/second --like /mnt/disk/backup',
      ),
    )
    .action(async (flags: InitFlags, self: Command) => {
      const { initAction } = await import('../actions/init.ts')
      await execute(self, (context) => initAction(context, flags))
    })
}
