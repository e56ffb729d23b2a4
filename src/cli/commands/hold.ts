// `cairn hold` and `cairn release`: what can be given.

import type { Command } from 'commander'
import type { HoldFlags } from '../actions/hold.ts'
import { examples } from '../examples.ts'
import { execute } from '../execute.ts'
import { reason } from '../option-values.ts'
import { places } from '../snapshot-options.ts'

export function addHold(program: Command): void {
  program
    .command('hold')
    .description('Hold snapshots: they cannot be forgotten until they are released.')
    .argument('<snapshots...>', 'latest, latest~1, or ids', places)
    .option('--reason <text>', 'why, for those who want to forget them', reason)
    .addHelpText('after', examples("cairn hold 4930ea8e --reason 'before the migration'"))
    .action(async (snapshots: readonly string[], flags: HoldFlags, self: Command) => {
      const { holdAction } = await import('../actions/hold.ts')
      await execute(self, (context) => holdAction(context, { ...flags, snapshots }))
    })
}

export function addRelease(program: Command): void {
  program
    .command('release')
    .description('Release snapshots that are held.')
    .argument('<snapshots...>', 'latest, latest~1, or ids', places)
    .addHelpText('after', examples('cairn release 4930ea8e'))
    .action(async (snapshots: readonly string[], _flags: unknown, self: Command) => {
      const { releaseAction } = await import('../actions/hold.ts')
      await execute(self, (context) => releaseAction(context, { snapshots }))
    })
}
