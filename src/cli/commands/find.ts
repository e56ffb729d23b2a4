// `cairn find`: what can be given.

import { type Command, Option } from 'commander'
import { examples } from '../examples.ts'
import { execute } from '../execute.ts'
import { FIND_TYPES, type FindFlags } from '../find-types.ts'
import { texts } from '../option-values.ts'
import { addSnapshotOptions, places } from '../snapshot-options.ts'

export function addFind(program: Command): void {
  const command = program
    .command('find')
    .description('Find files and folders by name in all snapshots.')
    .argument(
      '<patterns...>',
      "names such as '*.odt'; with a slash paths such as '/etc/**/hosts'",
      texts,
    )
    .option('--snapshot <snapshot>', 'only in this snapshot (repeatable)', places)
  addSnapshotOptions(command)
    .option('-i, --ignore-case', 'take capitals and small letters for the same')
    .addOption(new Option('--type <type>', 'only of this type').choices(Object.keys(FIND_TYPES)))
    .option('-l, --long', 'list with type, mode, owner, size and time')
    .addHelpText(
      'after',
      examples(
        "cairn find '*.odt'",
        'cairn find -i letter.txt --host laptop --long',
        "cairn find '/home/me/**/photos' --type folder --snapshot latest",
      ),
    )
    .action(async (patterns: readonly string[], flags: FindFlags, self: Command) => {
      const { findAction } = await import('../actions/find.ts')
      await execute(self, (context) => findAction(context, { ...flags, patterns }))
    })
}
