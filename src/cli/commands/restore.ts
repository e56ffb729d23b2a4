// `cairn restore`: what can be given.

import { type Command, Option } from 'commander'
import type { RestoreFlags } from '../actions/restore.ts'
import { examples } from '../examples.ts'
import { execute } from '../execute.ts'
import { path, texts, workers } from '../option-values.ts'
import { addSnapshotOptions, place } from '../snapshot-options.ts'

export function addRestore(program: Command): void {
  const command = program
    .command('restore')
    .description('Bring files back from a snapshot. Run it again and it does only what is missing.')
    .argument(
      '<snapshot[:path]>',
      'latest, latest~1, or an id; with a path only what is in there',
      place,
    )
    .requiredOption(
      '-t, --target <folder>',
      'where to; without :path full paths are made in it',
      path,
    )
  addSnapshotOptions(command)
  addChoices(command)
  command
    .addHelpText(
      'after',
      examples(
        'cairn restore latest --target /tmp/back',
        'cairn restore latest:/home/me/photos --target /home/me/photos',
        "cairn restore 4930ea8e:/etc --target /tmp/etc --include '*.conf'",
        'cairn restore latest:/srv --target /srv --at 2026-11-20 --delete --dry-run',
      ),
    )
    .action(async (wanted: string, flags: RestoreFlags, self: Command) => {
      const { restoreAction } = await import('../actions/restore.ts')
      await execute(self, (context) => restoreAction(context, { ...flags, place: wanted }))
    })
}

function addChoices(command: Command): void {
  command
    .option('-i, --include <pattern>', 'only what matches (gitignore rules; repeatable)', texts)
    .option('-e, --exclude <pattern>', 'leave out what matches (repeatable)', texts)
    .addOption(
      new Option('--overwrite <when>', 'what to do with files that are there')
        .choices(['always', 'if-changed', 'if-newer', 'never'])
        .default('if-changed'),
    )
    .option('--delete', 'remove from the restored folders what the snapshot does not have')
    .option('-n, --dry-run', 'only tell what would be done')
    .option('--verify', 'read back and compare what was restored')
    .option('--owner', 'restore owners and groups (default as root)')
    .option('--no-owner', 'leave owners and groups as they come')
    .option('--workers <number>', 'threads that write (default: one for each core)', workers)
    .addOption(
      new Option('--memory <use>', 'how much memory to use')
        .choices(['low', 'normal'])
        .default('normal'),
    )
}
