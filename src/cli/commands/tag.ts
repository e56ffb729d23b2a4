// `cairn tag`: what can be given.

import type { Command } from 'commander'
import type { TagFlags } from '../actions/tag.ts'
import { examples } from '../examples.ts'
import { execute } from '../execute.ts'
import { texts } from '../option-values.ts'
import { places } from '../snapshot-options.ts'

export function addTag(program: Command): void {
  program
    .command('tag')
    .description('Change the tags of snapshots. A snapshot with other tags has another id.')
    .argument('<snapshots...>', 'latest, latest~1, or ids', places)
    .option('--add <tag>', 'add a tag (repeatable)', texts)
    .option('--remove <tag>', 'take a tag away (repeatable)', texts)
    .option('--set <tag>', 'replace all tags (repeatable)', texts)
    .addHelpText(
      'after',
      examples(
        'cairn tag latest --add before-upgrade',
        'cairn tag 4930ea8e 6b75f4ad --remove weekly --add monthly',
      ),
    )
    .action(async (snapshots: readonly string[], flags: TagFlags, self: Command) => {
      const { tagAction } = await import('../actions/tag.ts')
      await execute(self, (context) => tagAction(context, { ...flags, snapshots }))
    })
}
