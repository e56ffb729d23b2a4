// `cairn help`: what can be given. Added after the commands that it names.

import { Argument, type Command } from 'commander'
import { examples } from '../examples.ts'
import { execute } from '../execute.ts'
import { suggesting } from '../suggested-values.ts'

export function addHelp(program: Command): void {
  const names = program.commands.map((command) => command.name())
  const argument = new Argument('[command...]', 'which command; without one an overview')
  program
    .command('help')
    .description('Show help, as --help does.')
    .addArgument(suggesting(argument, names))
    .addHelpText('after', examples('cairn help', 'cairn help backup', 'cairn help key add'))
    .action(async (words: readonly string[], _flags: unknown, self: Command) => {
      const { helpAction } = await import('../actions/help.ts')
      await execute(self, () => helpAction({ program, words }))
    })
}
