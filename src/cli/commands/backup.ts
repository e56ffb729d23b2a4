// `cairn backup`: what can be given.

import { type Command, InvalidArgumentError, Option } from 'commander'
import type { BackupFlags } from '../actions/backup.ts'
import { examples } from '../examples.ts'
import { execute } from '../execute.ts'
import { path, paths, rate, size, text, texts, workers } from '../option-values.ts'
import { suggesting } from '../suggested-values.ts'

export function addBackup(program: Command): void {
  const command = program
    .command('backup')
    .description('Save files and folders as a new snapshot.')
    .argument('[paths...]', 'files and folders (a link with / at its end is followed)', paths)
  addSelection(command)
  addNaming(command)
  addWork(command)
  command.addHelpText(
    'after',
    examples(
      'cairn backup /home /etc',
      "cairn backup ~ --exclude '*.iso' --exclude-caches",
      'cairn backup / --one-file-system --tag weekly',
      'find /srv -name "*.conf" -print0 | cairn backup --files-from0 -',
      'pg_dump -Fc -Z0 shop | cairn backup --stdin --stdin-filename shop.dump',
    ),
  )
  command.action(async (named: readonly string[], flags: BackupFlags, self: Command) => {
    const { backupAction } = await import('../actions/backup.ts')
    await execute(self, (context) => backupAction(context, { ...flags, paths: named }))
  })
}

function addSelection(command: Command): void {
  command
    .option(
      '-e, --exclude <pattern>',
      'leave out what matches (gitignore rules; repeatable)',
      texts,
    )
    .option(
      '--exclude-file <file>',
      'leave out what matches a pattern in a file (repeatable)',
      paths,
    )
    .option('--exclude-caches', 'leave out what is in folders with a CACHEDIR.TAG')
    .option('--exclude-larger-than <size>', 'leave out files larger than this, such as 500M', size)
    .option('-x, --one-file-system', 'do not go into other file systems')
    .option('--files-from <file>', 'take paths from a file, one to a line (- is stdin)', path)
    .option('--files-from0 <file>', 'the same, each path ended by a zero byte', path)
    .option('--stdin', 'save what comes on stdin as a file')
    .option('--stdin-filename <name>', 'the name of that file')
}

function addNaming(command: Command): void {
  command
    .option('--source <name>', 'the name under which snapshots of the same thing line up', text)
    .option('--tag <tag>', 'a tag for the snapshot (repeatable)', texts)
    .option('--host <name>', 'the host name to record', text)
}

function addWork(command: Command): void {
  command
    .option('-n, --dry-run', 'only tell what would be saved')
    .option('--skip-if-unchanged', 'make no snapshot where nothing has changed')
    .option('--ignore-ctime', 'files with the same size and mtime are unchanged')
    .option('--ignore-inode', 'do not take a new inode number for a change')
    .addOption(
      suggesting(
        new Option('--compression <level>', 'auto, off, or 1 (fast) to 19 (small)')
          .argParser(compression)
          .default('auto'),
        ['auto', 'off', ...LEVELS],
      ),
    )
    .option('--workers <number>', 'threads that read (default: one for each core)', workers)
    .addOption(
      new Option('--memory <use>', 'how much memory to use')
        .choices(['low', 'normal'])
        .default('normal'),
    )
    .option('--read-rate <rate>', 'read at most this much in a second, such as 20M', rate)
}

const LEVELS = Array.from({ length: 19 }, (_, at) => String(at + 1))

function compression(value: string): number | 'auto' | 'off' {
  if (value === 'off' || value === 'auto') return value
  if (/^\d{1,2}$/.test(value) && Number(value) >= 1 && Number(value) <= 19) return Number(value)
  throw new InvalidArgumentError('It is not auto, off, or a number from 1 to 19.')
}
