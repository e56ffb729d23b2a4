// `cairn help`: what `--help` shows, for who looks for it this way.

import type { Command } from 'commander'
import { CairnError } from '../../base/errors.ts'

interface Wanted {
  readonly program: Command
  /** `['key', 'add']`. */
  readonly words: readonly string[]
}

export function helpAction({ program, words }: Wanted): Promise<undefined> {
  let command = program
  for (const [at, word] of words.entries()) {
    const child = command.commands.find(
      (one) => one.name() === word || one.aliases().includes(word),
    )
    if (child === undefined) throw unknownCommand(words.slice(0, at), word)
    command = child
  }
  command.outputHelp()
  return Promise.resolve(undefined)
}

function unknownCommand(above: readonly string[], word: string): CairnError {
  return new CairnError('usage', `Unknown command '${[...above, word].join(' ')}'`, {
    hint: `See \`${['cairn', ...above, '--help'].join(' ')}\`.`,
  })
}
