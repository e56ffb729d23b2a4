// `cairn key add`: gives out a key.

import { CairnError } from '../../base/errors.ts'
import type { Role } from '../../format/keys.ts'
import { ownershipOf } from '../../repository/generations-next.ts'
import { listGrants } from '../../repository/grants.ts'
import { addGrant, type NewRole } from '../../repository/grants-add.ts'
import type { Repository } from '../../repository/repository.ts'
import type { Context } from '../context.ts'
import { keyId, shortKeyId } from '../key-text.ts'
import { type NewSecretFlags, newCredential, newSecretSource, wrappingFor } from '../new-secret.ts'
import { openConfigured } from '../open-repository.ts'
import { printableText } from '../printable.ts'

export interface KeyAddFlags extends NewSecretFlags {
  readonly role: Role
  readonly label: string
  readonly domain?: string
  readonly source?: readonly string[]
  readonly host?: readonly string[]
}

export async function keyAddAction(context: Context, flags: KeyAddFlags): Promise<undefined> {
  const { output, random, clock } = context
  const role = roleOf(flags)
  const source = newSecretSource(flags)
  const { repository } = await openConfigured(context)
  await expectNewLabel(repository, flags.label)
  const credential = await newCredential(context, source)
  const wrapping = wrappingFor(credential, random)
  const { label } = flags
  const name = await addGrant(repository, { ...role, label, credential, wrapping, random, clock })
  output.summary(`Added the key ${printableText(label)} (${flags.role}), ${shortKeyId(name)}`)
  output.event({ event: 'result', id: keyId(name), role: flags.role, label })
  return undefined
}

/** Keys are named by their labels: with two of one name `key remove` could take the wrong one. */
async function expectNewLabel(repository: Repository, label: string): Promise<void> {
  ownershipOf(repository)
  const grants = await listGrants(repository)
  const taken = grants.find((grant) => grant.label === label)
  if (taken === undefined) return
  const text = `There is a key ${printableText(label)} already, ${shortKeyId(taken.name)}`
  throw new CairnError('ambiguous', text, {
    hint: 'Give the new key another label, or remove that one first: `cairn key remove`.',
  })
}

function roleOf({ role, domain, source, host }: KeyAddFlags): NewRole {
  if (role === 'writer') return { role, domain, sources: source, hosts: host }
  if (domain === undefined && source === undefined && host === undefined) return { role }
  throw new CairnError('usage', '--domain, --source and --host are for writers', {
    hint: 'Say --role writer, or leave them out.',
  })
}
