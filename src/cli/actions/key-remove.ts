// `cairn key remove`: takes a key back, and says what cannot be taken back.

import { ownershipOf } from '../../repository/generations-next.ts'
import { type GrantInfo, listGrants } from '../../repository/grants.ts'
import { removeGrant } from '../../repository/grants-remove.ts'
import type { Context } from '../context.ts'
import { findKey, keyId, shortKeyId } from '../key-text.ts'
import { openConfigured } from '../open-repository.ts'
import { printableText } from '../printable.ts'

export async function keyRemoveAction(context: Context, wanted: string): Promise<undefined> {
  const { output } = context
  const { repository } = await openConfigured(context)
  // First: who may remove none need not know which there are.
  ownershipOf(repository)
  const grants = await listGrants(repository)
  const { name, label, role } = findKey(grants, wanted)
  await removeGrant(repository, name)
  const who = label === undefined ? '' : ` ${printableText(label)}`
  output.summary(`Removed the key${who}, ${shortKeyId(name)}`)
  if (role === 'owner') output.warning('key-not-revoked', OWNERS_STAY)
  else if (role !== 'writer') output.note(READERS_STAY)
  if (role === undefined) output.note(SIGNED_STAYS)
  const unknown = grants.filter((grant) => grant.name !== name && isUnknown(grant))
  if (role !== 'owner' && unknown.length > 0) output.note(tellOf(unknown))
  output.event({ event: 'result', id: keyId(name), role, label })
  return undefined
}

const READERS_STAY = 'Who copied it before can still read what was saved until now.'

const SIGNED_STAYS =
  'The owner does not know what it was given out as: if its holder could save, what it saves still counts.'

const OWNERS_STAY =
  "this takes nothing away from who had it: every owner's key holds the same secret. Who copied the key, " +
  'or what it opened, can still read everything that is stored here, also what is saved from now on, and ' +
  'can still give out keys. If that must not be, make a new repository at another address ' +
  '(`cairn init`), save into that one, and keep this one where they cannot get at it.'

function isUnknown({ present, role, problem }: GrantInfo): boolean {
  return present && role === undefined && problem === undefined
}

function tellOf(unknown: readonly GrantInfo[]): string {
  const ids = unknown.map(({ name }) => shortKeyId(name)).join(', ')
  return (
    `Not known to the owner, and still there: ${ids}. Each is somebody's key that was changed in ` +
    'another way than with `cairn key change-passphrase`, or was never given out: remove what you do not know.'
  )
}
