// `cairn key remove`: takes a key back.

import { listGrants } from '../../repository/grants.ts'
import { removeGrant } from '../../repository/grants-remove.ts'
import type { Context } from '../context.ts'
import { findKey, keyId, shortKeyId } from '../key-text.ts'
import { openConfigured } from '../open-repository.ts'
import { printableText } from '../printable.ts'

export async function keyRemoveAction(context: Context, wanted: string): Promise<undefined> {
  const { output } = context
  const { repository } = await openConfigured(context)
  const { name, label, role } = findKey(await listGrants(repository), wanted)
  await removeGrant(repository, name)
  const who = label === undefined ? '' : ` ${printableText(label)}`
  output.summary(`Removed the key${who}, ${shortKeyId(name)}`)
  if (role !== 'writer') {
    output.note('Who copied it before can still read what was saved until now.')
  }
  output.event({ event: 'result', id: keyId(name), role, label })
  return undefined
}
