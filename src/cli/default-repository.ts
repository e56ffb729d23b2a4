// The repository for who has configured nothing: made at the first backup, in the user's data folder,
// with a generated passphrase that is kept beside it. The passphrase is on the disk before anything
// is sealed with it, so that an interruption leaves nothing that cannot be opened.

import { existsSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { toHex } from '../base/bytes.ts'
import { CairnError, messageOf } from '../base/errors.ts'
import { createRepository } from '../repository/create.ts'
import { type Credential, generatePassphrase } from '../sealer/passphrase.ts'
import type { Context } from './context.ts'
import { configuredCredential } from './credential.ts'
import { wrappingFor } from './new-secret.ts'
import { passphraseIn, readSecretFile, syncFolder, writeNewSecret } from './secret-file.ts'
import { storeAt } from './store.ts'

/** The passphrase that Cairn keeps for the default repository, where there is one. */
export function keptCredential({ places }: Context): Credential | undefined {
  if (!existsSync(places.passphrase)) return undefined
  const { bytes } = readSecretFile(places.passphrase)
  return { kind: 'passphrase', passphrase: passphraseIn(bytes, places.passphrase) }
}

/**
 * Makes the default repository, beside its place and then moved there: so it is there as a whole or
 * not at all, and of two runs that make it at the same time one wins.
 */
export async function createDefaultRepository(context: Context): Promise<void> {
  const { places, random, clock } = context
  const configured = configuredCredential(context)
  const credential = configured ?? generatedCredential(context)
  const address = `${places.repository}.${toHex(random(8))}.new`
  const store = storeAt(context, { address, create: true })
  const wrapping = wrappingFor(credential, random)
  await createRepository(store, { credential, wrapping, random, clock })
  if (moveInto(address, places.repository)) {
    announce(context, configured === undefined ? credential : undefined)
  }
}

/** False where something else is there, which stays. */
function moveInto(from: string, to: string): boolean {
  try {
    renameSync(from, to)
    syncFolder(dirname(to))
    return true
  } catch (error) {
    rmSync(from, { recursive: true, force: true })
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return false
    throw new CairnError('store-unwritable', `Cannot make ${to}: ${messageOf(error)}`)
  }
}

function generatedCredential(context: Context): Credential {
  const { places, random } = context
  writeNewSecret({ path: places.passphrase, text: generatePassphrase(random), random })
  const kept = keptCredential(context)
  if (kept === undefined) throw new Error('Bug in Cairn: the passphrase was not kept')
  return kept
}

/** The one time that the passphrase is shown. Never in --json, which goes into logs. */
function announce(context: Context, generated: Credential | undefined): void {
  const { output, places } = context
  if (generated?.kind !== 'passphrase') {
    output.note(`No repository is configured: made one in ${places.repository}.`)
  } else if (output.json || output.quiet) {
    const where = `its passphrase is in ${places.passphrase}: write it down`
    output.warning('repository-created', `Made the repository ${places.repository}; ${where}`)
  } else output.note(firstWords(context, generated.passphrase))
}

function firstWords({ places }: Context, passphrase: string): string {
  return [
    'No repository is configured, so Cairn made one:',
    '',
    `    repository   ${places.repository}`,
    `    passphrase   ${passphrase}`,
    '',
    'Write the passphrase down and keep it away from this machine: without it nobody can read',
    'these backups, you included. It is shown this once.',
    `This machine keeps it in ${places.passphrase}.`,
    'When it is written down, run `cairn key confirm`.',
    'To back up to another disk, where backups belong: `cairn init --repository FOLDER`.',
    '',
  ].join('\n')
}
