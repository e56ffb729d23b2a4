// `cairn stats`: what can be given.

import type { Command } from 'commander'
import { examples } from '../examples.ts'
import { execute } from '../execute.ts'

export function addStats(program: Command): void {
  program
    .command('stats')
    .description('Show what is stored, and what deduplication and compression save.')
    .addHelpText('after', examples('cairn stats', 'cairn stats --json'))
    .action(async (_flags: unknown, self: Command) => {
      const { statsAction } = await import('../actions/stats.ts')
      await execute(self, statsAction)
    })
}
