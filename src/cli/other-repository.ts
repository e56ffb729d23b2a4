// A second repository beside the one in use: the one that is copied to, or that a new one is made like. It is
// opened as any other, with options and variables of its own.

import type { Command } from 'commander'
import { CairnError } from '../base/errors.ts'
import type { Context } from './context.ts'
import { path, text } from './option-values.ts'
import { type Other, type OtherFlags, type Settings, settingsOfOther } from './settings.ts'

/** Adds --to-passphrase-file, --to-passphrase-command and --to-key-file, or the same with another name. */
export function addOtherOptions(command: Command, other: Other): Command {
  return command
    .option(
      `--${other}-passphrase-file <file>`,
      'take its passphrase from a file (- is stdin)',
      path,
    )
    .option(
      `--${other}-passphrase-command <command>`,
      'take its passphrase from what a command prints',
      text,
    )
    .option(`--${other}-key-file <file>`, 'open it with a key file', path)
}

/** What opens the repository at `given`; as for any other command, but for its settings. */
export function otherContext(
  context: Context,
  {
    other,
    given,
    flags,
  }: { readonly other: Other; readonly given: string; readonly flags: OtherFlags },
): Context {
  const { env, places, settings: own } = context
  const settings = settingsOfOther(other, { given, flags, env, places })
  if (takesStdin(own) && takesStdin(settings)) {
    const text = `--passphrase-file and --${other}-passphrase-file both want stdin`
    throw new CairnError('usage', text)
  }
  return { ...context, settings }
}

function takesStdin({ secret }: Settings): boolean {
  return secret !== undefined && 'path' in secret && secret.path === '-'
}
