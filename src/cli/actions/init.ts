// `cairn init`: makes a repository, and opens it once to see that it can be.

import { CairnError } from '../../base/errors.ts'
import { type CreateOptions, createRepository } from '../../repository/create.ts'
import { openRepository, type Repository } from '../../repository/repository.ts'
import type { Context } from '../context.ts'
import { expectEmpty } from '../empty-place.ts'
import { newCredential, wrappingFor } from '../new-secret.ts'
import { openConfigured } from '../open-repository.ts'
import { otherContext } from '../other-repository.ts'
import { saveState, stateOf } from '../repository-state.ts'
import type { OtherFlags } from '../settings.ts'
import { isLocal, storeAt } from '../store.ts'
import { keepRoom } from '../upkeep.ts'

export interface InitFlags {
  readonly label?: string
  readonly like?: string
  readonly likePassphraseFile?: string
  readonly likePassphraseCommand?: string
  readonly likeKeyFile?: string
}

export async function initAction(context: Context, flags: InitFlags): Promise<undefined> {
  const { label } = flags
  const { settings, output, random, clock } = context
  if (!settings.isConfigured) throw noAddress()
  const store = storeAt(context, { address: settings.address, create: true })
  if (isLocal(store.address)) expectEmpty(store.address)
  const shared = await sharedWith(context, flags)
  const credential = await newCredential(context, settings.secret)
  await createRepository(store, {
    credential,
    wrapping: wrappingFor(credential, random),
    random,
    clock,
    ...(label !== undefined && { label }),
    ...shared,
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

/** What the new repository has in common with another one: no more than makes data deduplicate. */
async function sharedWith(
  context: Context,
  flags: InitFlags,
): Promise<Pick<CreateOptions, 'like' | 'chunker'>> {
  const { like: given, likePassphraseFile, likePassphraseCommand, likeKeyFile } = flags
  const secrets = {
    passphraseFile: likePassphraseFile,
    passphraseCommand: likePassphraseCommand,
    keyFile: likeKeyFile,
  }
  if (given === undefined) return withoutLike(secrets)
  const other = otherContext(context, { other: 'like', given, flags: secrets })
  const { repository } = await openConfigured(other)
  const domain = repository.domains[0]
  if (domain?.canWrite !== true) throw mayNotShare(repository)
  const { idKey, chunkerKey } = domain
  return { like: { idKey, chunkerKey }, chunker: repository.config.chunker }
}

function withoutLike(secrets: OtherFlags): Record<string, never> {
  if (Object.values(secrets).every((one) => one === undefined)) return {}
  throw new CairnError('usage', 'What opens another repository is of use with --like only', {
    hint: 'Say with --like which one the new one is to be like.',
  })
}

function mayNotShare({ role, store }: Repository): CairnError {
  const text = `Not permitted: this ${role} key does not hold what data is cut and named by at ${store.address}`
  return new CairnError('not-permitted', text, { hint: "Use the owner's key, or a writer's." })
}

function noAddress(): CairnError {
  return new CairnError('usage', 'Where should the repository be?', {
    hint: 'Say `cairn init --repository FOLDER`, or set CAIRN_REPOSITORY.',
  })
}
