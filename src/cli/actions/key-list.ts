// `cairn key list`. What others' keys may do is only known to the owner.

import { type GrantInfo, listGrants } from '../../repository/grants.ts'
import type { Context } from '../context.ts'
import { keyId, shortKeyId } from '../key-text.ts'
import { openConfigured } from '../open-repository.ts'
import { printableText } from '../printable.ts'
import { type Column, formatTable } from '../table.ts'
import { formatTime, isoTime } from '../times.ts'

const COLUMNS: readonly Column[] = [
  { title: '' },
  { title: 'ID' },
  { title: 'LABEL' },
  { title: 'ROLE' },
  { title: 'OPENS WITH' },
  { title: 'CREATED' },
  { title: '' },
]

export async function keyListAction(context: Context): Promise<undefined> {
  const { output } = context
  const { repository } = await openConfigured(context)
  const grants = await listGrants(repository)
  const isOwner = repository.ownership !== undefined
  const rows = grants.map((grant) => rowOf(grant, isOwner))
  for (const line of formatTable(COLUMNS, rows)) output.line(line)
  output.event({ event: 'result', keys: grants.map(jsonOf) })
  return undefined
}

function rowOf(grant: GrantInfo, isOwner: boolean): readonly string[] {
  const { name, current, role, label, createdMs, wrapping } = grant
  return [
    current ? '*' : '',
    shortKeyId(name),
    label === undefined ? '-' : printableText(label),
    role ?? '-',
    wrapping === undefined ? '-' : wrapping === 'secret' ? 'key file' : 'passphrase',
    createdMs === undefined ? '-' : formatTime(createdMs),
    remarkOn(grant, isOwner),
  ]
}

function remarkOn({ present, problem, role }: GrantInfo, isOwner: boolean): string {
  if (!present) return 'its object is gone'
  if (problem !== undefined) return `not usable: ${problem}`
  return isOwner && role === undefined ? 'not known to the owner' : ''
}

function jsonOf(grant: GrantInfo): Readonly<Record<string, unknown>> {
  const { name, createdMs, wrapping, ...rest } = grant
  return {
    ...rest,
    id: keyId(name),
    opensWith: wrapping === 'secret' ? 'key-file' : wrapping,
    createdAt: createdMs === undefined ? undefined : isoTime(createdMs),
  }
}
