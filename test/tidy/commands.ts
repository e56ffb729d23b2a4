// The command's program as data, for the check that every option is documented.

import type { Command } from 'commander'
import type { CommandShape } from './documents.ts'

/** The program and all its commands, with the options that `--help` shows. */
export function shapesOf(command: Command, above = ''): readonly CommandShape[] {
  const name = `${above} ${command.name()}`.trim()
  const visible = command.options.filter(({ hidden }) => !hidden)
  const options = visible.map(({ long, short }) => long ?? short ?? '')
  return [{ name, options }, ...command.commands.flatMap((child) => shapesOf(child, name))]
}
