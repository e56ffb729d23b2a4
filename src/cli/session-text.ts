// Sessions, as people and programs are shown them.

import type { SessionStatus } from '../engine/status.ts'
import { printableText } from './printable.ts'
import { type Column, formatTable } from './table.ts'
import { formatTime, isoTime } from './times.ts'

const COLUMNS: readonly Column[] = [
  { title: 'SESSION' },
  { title: 'DOES' },
  { title: 'HOST' },
  { title: 'KEY' },
  { title: 'SINCE' },
  { title: 'LAST SIGN OF LIFE' },
  { title: '' },
]

const ID_SHOWN = 8

export function sessionLines(sessions: readonly SessionStatus[]): readonly string[] {
  if (sessions.length === 0) return ['Nobody is at work']
  return formatTable(COLUMNS, sessions.map(rowOf))
}

function rowOf(session: SessionStatus): readonly string[] {
  const { id, purpose, host, label, beganMs, renewedMs, isHonoured } = session
  return [
    id.slice(0, ID_SHOWN),
    purpose,
    printableText(host),
    printableText(label),
    formatTime(beganMs),
    formatTime(renewedMs),
    isHonoured ? '' : 'too old to count',
  ]
}

export function jsonSession(session: SessionStatus): Readonly<Record<string, unknown>> {
  const { id, purpose, host, label, beganMs, renewedMs, isHonoured, domain } = session
  const [beganAt, renewedAt] = [isoTime(beganMs), isoTime(renewedMs)]
  return {
    session: id,
    domain: domain.hex,
    purpose,
    host,
    key: label,
    beganAt,
    renewedAt,
    isHonoured,
  }
}
