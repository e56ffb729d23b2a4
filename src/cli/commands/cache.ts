// `cairn cache`: what can be given.

import type { Command } from 'commander'
import type { CacheClearFlags } from '../actions/cache.ts'
import { examples } from '../examples.ts'
import { execute } from '../execute.ts'

export function addCache(program: Command): void {
  const cache = program
    .command('cache')
    .description('Show or clear what this machine keeps of repositories to be fast.')
    .helpCommand('help [command]', 'Show help, as --help does.')
    .addHelpText(
      'after',
      examples('cairn cache show', 'cairn cache clear', 'cairn cache clear --all'),
    )
  addShow(cache)
  addClear(cache)
}

function addShow(cache: Command): void {
  cache
    .command('show', { isDefault: true })
    .description('Show where the cache is, and how large for each repository.')
    .addHelpText('after', examples('cairn cache show', 'cairn cache show --json'))
    .action(async (_flags: unknown, self: Command) => {
      const { cacheShowAction } = await import('../actions/cache.ts')
      await execute(self, cacheShowAction)
    })
}

function addClear(cache: Command): void {
  cache
    .command('clear')
    .description('Delete the cache of the repository. The next backup reads all files once.')
    .option('--all', 'the caches of all repositories')
    .addHelpText('after', examples('cairn cache clear', 'cairn cache clear --all'))
    .action(async (flags: CacheClearFlags, self: Command) => {
      const { cacheClearAction } = await import('../actions/cache.ts')
      await execute(self, (context) => cacheClearAction(context, flags))
    })
}
