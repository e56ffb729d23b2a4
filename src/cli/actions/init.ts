// `cairn init`: makes a repository, and opens it once to see that it can be.

import { CairnError } from '../../base/errors.ts'
import { createRepository } from '../../repository/create.ts'
import { openRepository } from '../../repository/repository.ts'
import type { Context } from '../context.ts'
import { expectEmpty } from '../empty-place.ts'
import { newCredential, wrappingFor } from '../new-secret.ts'
import { saveState, stateOf } from '../repository-state.ts'
import { isLocal, storeAt } from '../store.ts'
import { keepRoom } from '../upkeep.ts'

export interface InitFlags {
  readonly label?: string
}

export async function initAction(context: Context, { label }: InitFlags): Promise<undefined> {
  const { settings, output, random, clock } = context
  if (!settings.isConfigured) throw noAddress()
  const store = storeAt(context, { address: settings.address, create: true })
  if (isLocal(store.address)) expectEmpty(store.address)
  const credential = await newCredential(context, settings.secret)
  await createRepository(store, {
    credential,
    wrapping: wrappingFor(credential, random),
    random,
    clock,
    ...(label !== undefined && { label }),
  })
  const repository = await openRepository(store, { credential })
  saveState(context, stateOf(repository, undefined))
  await keepRoom(context, store)
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

function noAddress(): CairnError {
  return new CairnError('usage', 'Where should the repository be?', {
    hint: 'Say `cairn init --repository FOLDER`, or set CAIRN_REPOSITORY.',
  })
}
