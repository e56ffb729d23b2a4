// `cairn forget`: what can be given.

import type { Command } from 'commander'
import type { ForgetFlags } from '../actions/forget.ts'
import { examples } from '../examples.ts'
import { execute } from '../execute.ts'
import { count, duration, texts, wholeNumber } from '../option-values.ts'
import { addFilterOptions, places } from '../snapshot-options.ts'

export function addForget(program: Command): void {
  const command = program
    .command('forget')
    .description('Forget snapshots by a policy, or those that are named.')
    .argument('[snapshots...]', 'latest, latest~1, or ids', places)
  addCounts(command)
  addDurations(command)
  command
    .option('--keep-tag <tags>', 'keep what has these tags (a,b: both; repeatable)', texts)
    .option('--min <number>', 'keep so many of each source at least (default: 1)', count)
  addFilterOptions(command)
  command
    .option('-n, --dry-run', 'only tell what would be forgotten')
    .option('--prune', 'mark what only these needed, and delete what was marked before')
    .option('--accept-clock', 'go on though clocks seem wrong')
    .option('--accept-flood', 'go on though very many snapshots came within a short time')
    .addHelpText(
      'after',
      examples(
        'cairn forget --keep-daily 7 --keep-weekly 5 --keep-monthly 12 --dry-run',
        'cairn forget --source web1 --keep-within 30d --keep-yearly 10',
        'cairn forget 4930ea8e 6b75f4ad',
      ),
    )
    .action(async (snapshots: readonly string[], flags: ForgetFlags, self: Command) => {
      const { forgetAction } = await import('../actions/forget.ts')
      await execute(self, (context) => forgetAction(context, { ...flags, snapshots }))
    })
}

function addCounts(command: Command): void {
  command
    .option('--keep-last <number>', 'keep the newest ones', wholeNumber)
    .option('--keep-hourly <number>', 'keep the newest of so many hours', wholeNumber)
    .option('--keep-daily <number>', 'keep the newest of so many days', wholeNumber)
    .option('--keep-weekly <number>', 'keep the newest of so many weeks', wholeNumber)
    .option('--keep-monthly <number>', 'keep the newest of so many months', wholeNumber)
    .option('--keep-yearly <number>', 'keep the newest of so many years', wholeNumber)
}

function addDurations(command: Command): void {
  command
    .option('--keep-within <time>', 'keep all of a time such as 30d, 8w or 1y6m', duration)
    .option('--keep-within-hourly <time>', 'keep the newest of each hour of a time', duration)
    .option('--keep-within-daily <time>', 'keep the newest of each day of a time', duration)
    .option('--keep-within-weekly <time>', 'keep the newest of each week of a time', duration)
    .option('--keep-within-monthly <time>', 'keep the newest of each month of a time', duration)
    .option('--keep-within-yearly <time>', 'keep the newest of each year of a time', duration)
}
