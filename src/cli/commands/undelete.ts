// `cairn undelete`: what can be given.

import type { Command } from 'commander'
import { examples } from '../examples.ts'
import { execute } from '../execute.ts'
import { places } from '../snapshot-options.ts'

export function addUndelete(program: Command): void {
  program
    .command('undelete')
    .description(
      'Bring back snapshots that were forgotten; without ids, list what can be had back.',
    )
    .argument('[snapshots...]', 'ids of forgotten snapshots', places)
    .addHelpText('after', examples('cairn undelete', 'cairn undelete 4930ea8e'))
    .action(async (snapshots: readonly string[], _flags: unknown, self: Command) => {
      const { undeleteAction } = await import('../actions/undelete.ts')
      await execute(self, (context) => undeleteAction(context, { snapshots }))
    })
}
