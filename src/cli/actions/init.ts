// `cairn init`: makes a repository, and opens it once to see that it can be.

import { existsSync } from 'node:fs'
import { CairnError } from '../../base/errors.ts'
import { createRepository } from '../../repository/create.ts'
import { openRepository } from '../../repository/repository.ts'
import type { Credential } from '../../sealer/passphrase.ts'
import { askSecret, canAsk } from '../ask.ts'
import type { Context } from '../context.ts'
import { askedCredential, configuredCredential } from '../credential.ts'
import { wrappingFor } from '../default-repository.ts'
import { checkNewPassphrase } from '../passphrase-rules.ts'
import { saveState, stateOf } from '../repository-state.ts'
import { writeNewKeyFile } from '../secret-file.ts'
import { storeAt } from '../store.ts'

export interface InitFlags {
  readonly label?: string
}

export async function initAction(context: Context, { label }: InitFlags): Promise<undefined> {
  const { settings, output, random, clock } = context
  if (!settings.isConfigured) throw noAddress()
  const store = storeAt(context, { address: settings.address, create: true })
  const credential = await newCredential(context)
  await createRepository(store, {
    credential,
    wrapping: wrappingFor(credential, random),
    random,
    clock,
    ...(label !== undefined && { label }),
  })
  const repository = await openRepository(store, { credential })
  saveState(context, stateOf(repository, undefined))
  const { idHex: id } = repository
  output.summary(`Made repository ${id.slice(0, 8)} at ${store.address}`)
  output.note(
    credential.kind === 'passphrase'
      ? 'Keep the passphrase in a safe place: without it nobody can read what is stored here.'
      : 'Keep a copy of the key file in a safe place: without it nobody can read what is stored here.',
  )
  output.event({ event: 'result', repository: id, address: store.address })
  return undefined
}

async function newCredential(context: Context): Promise<Credential> {
  makeKeyFile(context)
  const given = configuredCredential(context)
  const credential = given ?? (await askedTwice())
  if (credential.kind === 'passphrase') checkNewPassphrase(credential.passphrase)
  return credential
}

/** A key file that is not there yet is made: nobody should have to invent one. */
function makeKeyFile({ settings, output, random }: Context): void {
  const { secret } = settings
  if (secret?.kind !== 'key-file' || existsSync(secret.path)) return
  if (writeNewKeyFile(secret.path, random)) output.note(`Made the key file ${secret.path}`)
}

async function askedTwice(): Promise<Credential> {
  const first = await askedCredential('New passphrase')
  if (first.kind !== 'passphrase' || !canAsk()) return first
  checkNewPassphrase(first.passphrase)
  if ((await askSecret('Once more')) === first.passphrase) return first
  throw new CairnError('usage', 'The two passphrases differ: nothing was made')
}

function noAddress(): CairnError {
  return new CairnError('usage', 'Where should the repository be?', {
    hint: 'Say `cairn init --repository FOLDER`, or set CAIRN_REPOSITORY.',
  })
}
