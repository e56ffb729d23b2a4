// The command line as data: commands, arguments and options, their help. What a command does is in
// actions/, and loaded when it runs.

import { Command, CommanderError } from 'commander'
import { addBackup } from './commands/backup.ts'
import { addCache } from './commands/cache.ts'
import { addCheck } from './commands/check.ts'
import { addCompletion } from './commands/completion.ts'
import { addCopy } from './commands/copy.ts'
import { addDiff } from './commands/diff.ts'
import { addDump } from './commands/dump.ts'
import { addFind } from './commands/find.ts'
import { addForget } from './commands/forget.ts'
import { addHelp } from './commands/help.ts'
import { addHold, addRelease } from './commands/hold.ts'
import { addInit } from './commands/init.ts'
import { addKey } from './commands/key.ts'
import { addLs } from './commands/ls.ts'
import { addPrune } from './commands/prune.ts'
import { addRepair } from './commands/repair.ts'
import { addRestore } from './commands/restore.ts'
import { addSnapshots } from './commands/snapshots.ts'
import { addStats } from './commands/stats.ts'
import { addLease, addStatus } from './commands/status.ts'
import { addSync } from './commands/sync.ts'
import { addTag } from './commands/tag.ts'
import { addUndelete } from './commands/undelete.ts'
import { addVersion } from './commands/version.ts'
import { examples } from './examples.ts'
import { path, text } from './option-values.ts'

/** The code of what ends parsing where --version was met: whoever parses then runs `cairn version`. */
export const VERSION_ASKED = 'cairn.version'

function newProgram(): Command {
  const command = new Command('cairn')
    .description('Backups that are encrypted before they leave the machine, and proved to restore.')
    .usage('[options] <command>')
    .option('-r, --repository <address>', 'the repository: a folder', text)
    .option('--passphrase-file <file>', 'take the passphrase from a file (- is stdin)', path)
    .option(
      '--passphrase-command <command>',
      'take the passphrase from what a command prints',
      text,
    )
    .option('--key-file <file>', 'open the repository with a key file', path)
    .option('--json', 'print JSON, one object to a line (docs/json.md)')
    .option('-q, --quiet', 'print nothing but problems and what was asked for')
    .option('-v, --verbose', 'print more')
    .option('--no-color', 'print without colours')
    .option('--version', 'show the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: () => undefined })
    .exitOverride()
    .showSuggestionAfterError()
    .on('option:version', () => {
      throw new CommanderError(0, VERSION_ASKED, 'the version was asked for')
    })
  for (const add of COMMANDS) add(command)
  return command.addHelpText(
    'after',
    examples(
      'cairn backup ~/documents',
      'cairn snapshots',
      'cairn restore latest:/home/me/documents --target /tmp/back',
      'cairn init --repository /mnt/disk/backup',
    ),
  )
}

const COMMANDS: readonly ((program: Command) => void)[] = [
  addInit,
  addBackup,
  addSnapshots,
  addLs,
  addFind,
  addDiff,
  addDump,
  addRestore,
  addTag,
  addForget,
  addUndelete,
  addHold,
  addRelease,
  addCheck,
  addRepair,
  addPrune,
  addStatus,
  addLease,
  addStats,
  addSync,
  addCopy,
  addKey,
  addCache,
  addCompletion,
  addVersion,
  addHelp,
]

export const program = newProgram()
