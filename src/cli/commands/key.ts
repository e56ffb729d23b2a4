// `cairn key` and its commands: what can be given.

import { type Command, Option } from 'commander'
import type { KeyAddFlags } from '../actions/key-add.ts'
import { examples } from '../examples.ts'
import { execute } from '../execute.ts'
import type { NewSecretFlags } from '../new-secret.ts'
import { path, text, texts } from '../option-values.ts'

export function addKey(program: Command): void {
  const key = program
    .command('key')
    .description('List, add, remove and change the keys that open the repository.')
    .helpCommand('help [command]', 'Show help, as --help does.')
    .addHelpText(
      'after',
      examples('cairn key list', 'cairn key add --role reader --label laptop', 'cairn key passwd'),
    )
  for (const add of [addList, addAdd, addRemove, addChange, addConfirm, addTrust]) add(key)
}

function addList(key: Command): void {
  key
    .command('list', { isDefault: true })
    .description('List the keys.')
    .addHelpText('after', examples('cairn key list', 'cairn key list --json'))
    .action(async (_flags: unknown, self: Command) => {
      const { keyListAction } = await import('../actions/key-list.ts')
      await execute(self, keyListAction)
    })
}

function addAdd(key: Command): void {
  const command = key
    .command('add')
    .description('Add a key. Asks for its passphrase on a terminal.')
    .addOption(
      new Option('--role <role>', 'what the key may do')
        .choices(['owner', 'writer', 'reader', 'upkeep'])
        .default('owner'),
    )
    .requiredOption('--label <name>', 'a name for the key: who or what has it', text)
    .option('--domain <name>', 'of a writer: share the data of this domain', text)
    .option('--source <name>', 'of a writer: only this source (repeatable)', texts)
    .option('--host <name>', 'of a writer: only this host (repeatable)', texts)
  addNewSecret(command)
    .addHelpText(
      'after',
      examples(
        'cairn key add --label "second passphrase"',
        'cairn key add --role writer --label web1 --new-key-file web1.key',
        'cairn key add --role reader --label laptop --new-passphrase-file words.txt',
      ),
    )
    .action(async (flags: KeyAddFlags, self: Command) => {
      const { keyAddAction } = await import('../actions/key-add.ts')
      await execute(self, (context) => keyAddAction(context, flags))
    })
}

function addNewSecret(command: Command): Command {
  return command
    .option(
      '--new-passphrase-file <file>',
      'take the new passphrase from a file (- is stdin)',
      path,
    )
    .option('--new-key-file <file>', 'use a key file; it is made where it is missing', path)
}

function addRemove(key: Command): void {
  key
    .command('remove')
    .description('Remove a key. What it has saved stays.')
    .argument('<key>', 'its label, or the beginning of its id')
    .addHelpText('after', examples('cairn key remove laptop', 'cairn key remove 3f2a91'))
    .action(async (name: string, _flags: unknown, self: Command) => {
      const { keyRemoveAction } = await import('../actions/key-remove.ts')
      await execute(self, (context) => keyRemoveAction(context, name))
    })
}

function addChange(key: Command): void {
  const command = key
    .command('change-passphrase')
    .alias('passwd')
    .description('Change the passphrase (or key file) of the key in use.')
  addNewSecret(command)
    .addHelpText(
      'after',
      examples('cairn key change-passphrase', 'cairn key passwd --new-passphrase-file words.txt'),
    )
    .action(async (flags: NewSecretFlags, self: Command) => {
      const { keyChangeAction } = await import('../actions/key-change.ts')
      await execute(self, (context) => keyChangeAction(context, flags))
    })
}

function addConfirm(key: Command): void {
  key
    .command('confirm')
    .description('Confirm that the generated passphrase is written down.')
    .addHelpText(
      'after',
      examples('cairn key confirm', 'cairn key confirm --passphrase-file typed.txt'),
    )
    .action(async (_flags: unknown, self: Command) => {
      const { keyConfirmAction } = await import('../actions/key-confirm.ts')
      await execute(self, keyConfirmAction)
    })
}

function addTrust(key: Command): void {
  key
    .command('trust')
    .description('Accept another repository, or an older state of it, at the same address.')
    .argument('<id>', 'the id of the repository that is there now, at least eight digits')
    .addHelpText('after', examples('cairn key trust 153e3a00'))
    .action(async (id: string, _flags: unknown, self: Command) => {
      const { keyTrustAction } = await import('../actions/key-trust.ts')
      await execute(self, (context) => keyTrustAction(context, id))
    })
}
