// `cairn completion`: what can be given.

import { Argument, type Command } from 'commander'
import type { Shell } from '../actions/completion.ts'
import { examples } from '../examples.ts'
import { execute } from '../execute.ts'

export function addCompletion(program: Command): void {
  program
    .command('completion')
    .description('Print a script that completes commands and options in your shell.')
    .addArgument(new Argument('<shell>', 'which shell').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      examples(
        'cairn completion bash > ~/.local/share/bash-completion/completions/cairn',
        'cairn completion zsh > ~/.zfunc/_cairn     # with fpath+=~/.zfunc before compinit',
        'cairn completion fish > ~/.config/fish/completions/cairn.fish',
      ),
    )
    .action(async (shell: Shell, _flags: unknown, self: Command) => {
      const { completionAction } = await import('../actions/completion.ts')
      await execute(self, (context) => completionAction(context, { shell, program }))
    })
}
