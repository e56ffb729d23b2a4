// `cairn prune`: what can be given.

import type { Command } from 'commander'
import type { PruneFlags } from '../actions/prune.ts'
import { examples } from '../examples.ts'
import { execute } from '../execute.ts'
import { fraction, size, timeSpan } from '../option-values.ts'

export function addPrune(program: Command): void {
  program
    .command('prune')
    .description('Free what no snapshot needs any more: mark it now, delete it a day later.')
    .option('-n, --dry-run', 'only show what would happen')
    .option(
      '--grace <time>',
      'delete what was marked so long ago, such as 24h or 10min (default: 24h)',
      timeSpan,
    )
    .option('--wait', 'wait for the grace and delete what this run marks')
    .option(
      '--undelete-window <time>',
      'keep what was forgotten so long, so that it can be had back (default: 7d)',
      timeSpan,
    )
    .option(
      '--max-move <size>',
      'move at most so much in one run to free what is around it (default: 8G)',
      size,
    )
    .option(
      '--max-unused <percent>',
      'leave so much unused before anything is moved (default: 5%)',
      fraction,
    )
    .option(
      '--compact',
      'also split what is partly unused, where the key opens it: store what is needed of it anew',
    )
    .option('--alone', 'what this is a copy of is no more: also free what that still had')
    .option('--accept-clock', 'go on though clocks seem wrong')
    .addHelpText(
      'after',
      examples('cairn prune', 'cairn prune --dry-run', 'cairn prune --grace 1min --wait'),
    )
    .action(async (flags: PruneFlags, self: Command) => {
      const { pruneAction } = await import('../actions/prune.ts')
      await execute(self, (context) => pruneAction(context, flags))
    })
}
