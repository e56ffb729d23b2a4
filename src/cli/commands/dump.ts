// `cairn dump`: what can be given.

import { type Command, Option } from 'commander'
import type { DumpFlags } from '../actions/dump.ts'
import { examples } from '../examples.ts'
import { execute } from '../execute.ts'
import { path } from '../option-values.ts'
import { addSnapshotOptions, place } from '../snapshot-options.ts'

export function addDump(program: Command): void {
  const command = program
    .command('dump')
    .description('Write a file from a snapshot to stdout, or a folder as a tar archive.')
    .argument('<snapshot[:path]>', 'latest, latest~1, or an id; without a path everything', place)
    .option('-o, --output <file>', 'write to a new file and not to stdout', path)
    .addOption(
      new Option('--format <format>', 'tar, or file; by default what it is decides').choices([
        'file',
        'tar',
      ]),
    )
  addSnapshotOptions(command)
    .addHelpText(
      'after',
      examples(
        'cairn dump latest:/etc/fstab',
        'cairn dump latest:/srv/www | tar -x -C /tmp/www',
        'cairn dump latest:/shop.dump | pg_restore --dbname shop_scratch',
      ),
    )
    .action(async (wanted: string, flags: DumpFlags, self: Command) => {
      const { dumpAction } = await import('../actions/dump.ts')
      await execute(self, (context) => dumpAction(context, { ...flags, place: wanted }))
    })
}
