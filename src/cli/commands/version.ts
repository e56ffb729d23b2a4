// `cairn version`: what can be given.

import type { Command } from 'commander'
import { examples } from '../examples.ts'
import { execute } from '../execute.ts'

export function addVersion(program: Command): void {
  program
    .command('version')
    .description('Show the version of Cairn and of what it runs on.')
    .addHelpText('after', examples('cairn version', 'cairn version --json'))
    .action(async (_flags: unknown, self: Command) => {
      const { versionAction } = await import('../actions/version.ts')
      await execute(self, versionAction)
    })
}
