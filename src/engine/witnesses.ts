// What tells that a snapshot counted once, where it is not there: a receipt is put when its snapshot was there, a
// run names what it follows only where that counted, and what is held nobody forgets. Who finds such a snapshot gone,
// and nothing that explains it, knows that it was lost: check reports it, and prune keeps all that it may need, because
// a copy may still bring it back.

import { type Bytes, toHex } from '../base/bytes.ts'
import type { Summary } from '../format/snapshot.ts'
import type { Hold } from '../format/upkeep-records.ts'
import { contentName } from '../store/names.ts'

export interface Witness {
  /** Object name of the receipt, of the snapshot that follows, or of the hold. */
  readonly name: string
  /** Object name of the snapshot that it tells of. */
  readonly snapshot: string
}

interface Following {
  readonly name: string
  readonly summary: Pick<Summary, 'predecessor'> | undefined
}

/** By what follows them. */
export function followers(all: Iterable<Following>): readonly Witness[] {
  return [...all].flatMap(({ name, summary }) => {
    const before = summary?.predecessor
    return before === undefined ? [] : [{ name, snapshot: contentName('snapshots', before) }]
  })
}

/** A snapshot that was forgotten. */
interface Fact {
  /** Object name of what tells of it. */
  readonly name: string
  readonly sourceId: Bytes
  readonly sequence: number
  readonly predecessor: Bytes | undefined
}

/**
 * By what was forgotten and followed them. Only where something is listed of its source that is not older: to a copy
 * records come before snapshots, and these oldest first, so that until then nothing is missing there.
 */
export function followedByForgotten(
  facts: Iterable<Fact>,
  listed: Iterable<{ readonly summary: Pick<Summary, 'sourceId' | 'sequence'> }>,
): readonly Witness[] {
  const newest = new Map<string, number>()
  for (const { summary } of listed) {
    const source = toHex(summary.sourceId)
    newest.set(source, Math.max(newest.get(source) ?? 0, summary.sequence))
  }
  return [...facts].flatMap(({ name, sourceId, sequence, predecessor }) => {
    if (predecessor === undefined || (newest.get(toHex(sourceId)) ?? 0) < sequence) return []
    return [{ name, snapshot: contentName('snapshots', predecessor) }]
  })
}

interface Holding {
  readonly name: string
  readonly record: Pick<Hold, 'snapshots'>
}

/** By what holds them and counts: what is held cannot be forgotten. */
export function held(counting: Iterable<Holding>): readonly Witness[] {
  return [...counting].flatMap(({ name, record }) =>
    record.snapshots.map((hash) => ({ name, snapshot: contentName('snapshots', hash) })),
  )
}

/**
 * The sessions, in hexadecimal, of which a finished snapshot is there and counts: a run that finds a snapshot of its own
 * removed before it has ended puts another one, and the receipt of the first stays.
 */
export function finishedSessions(
  confirmed: Iterable<{ readonly summary: Pick<Summary, 'ending' | 'sessionId'> }>,
): ReadonlySet<string> {
  const finished = [...confirmed].filter(({ summary }) => summary.ending !== 'checkpoint')
  return new Set(finished.map(({ summary }) => toHex(summary.sessionId)))
}
