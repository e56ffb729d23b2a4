// `cairn key change-passphrase`: another passphrase or key file for the key in use.

import { rmSync } from 'node:fs'
import { changePassphrase } from '../../repository/grants-change.ts'
import type { Context } from '../context.ts'
import { keyId } from '../key-text.ts'
import { type NewSecretFlags, newCredential, newSecretSource, wrappingFor } from '../new-secret.ts'
import { openConfigured } from '../open-repository.ts'
import { loadState, saveState } from '../repository-state.ts'

export async function keyChangeAction(context: Context, flags: NewSecretFlags): Promise<undefined> {
  const { output, random, settings } = context
  const source = newSecretSource(flags)
  const { repository, isKept } = await openConfigured(context)
  const credential = await newCredential(context, source)
  const name = await changePassphrase(repository, {
    credential,
    wrapping: wrappingFor(credential, random),
  })
  const state = loadState(context, repository.store.address)
  if (state !== undefined) saveState(context, { ...state, grantName: name })
  output.summary(`Changed what opens ${repository.store.address}`)
  if (isKept) forgetKept(context)
  else if (settings.secret !== undefined) output.note('Change it where it is configured, too.')
  output.event({ event: 'result', id: keyId(name) })
  return undefined
}

/** What Cairn kept opens nothing any more; a passphrase that people make is theirs to keep. */
function forgetKept({ places, output }: Context): void {
  rmSync(places.passphrase, { force: true })
  output.note(
    `Deleted ${places.passphrase}, which had the old passphrase. The new one is kept nowhere: ` +
      'Cairn asks for it, unless you set passphrase-file or passphrase-command in ' +
      `${places.configuration}.`,
  )
}
