// Snapshots and receipts that a repair puts back, opened: what snapshots need must be there before they are, and a
// snapshot that another one follows must count before that one is put, or a check would miss it.

import { type Bytes, toHex } from '../../base/bytes.ts'
import { isCairnError } from '../../base/errors.ts'
import type { Summary } from '../../format/snapshot.ts'
import type { DomainAccess } from '../../repository/access.ts'
import { UNREADABLE } from '../../repository/object-problem.ts'
import type { Repository } from '../../repository/repository.ts'
import { confirmationOf, openReceipt, openSnapshot } from '../../repository/snapshots.ts'
import { contentName, digestInName } from '../../store/names.ts'

/** An object as it was, by the copy. */
export interface PutBack {
  readonly name: string
  readonly good: Bytes
  /** Whether there is something under that name, which goes into quarantine first. */
  readonly isDamaged: boolean
}

export interface SnapshotBack {
  readonly object: PutBack
  /** Undefined where no key of ours opens it. */
  readonly opened: { readonly domain: DomainAccess; readonly summary: Summary } | undefined
}

export interface ReceiptBack {
  readonly object: PutBack
  /** See confirmationOf; undefined where no key of ours opens it. */
  readonly confirms: string | undefined
}

export interface ComingBack {
  /** What snapshots and receipts rely upon, or is said beside them. */
  readonly records: readonly PutBack[]
  readonly snapshots: readonly SnapshotBack[]
  readonly receipts: readonly ReceiptBack[]
}

export function openComingBack(repository: Repository, objects: readonly PutBack[]): ComingBack {
  const isIn = (folder: string) => (one: PutBack) => one.name.startsWith(folder)
  const [isSnapshot, isReceipt] = [isIn('snapshots/'), isIn('receipts/')]
  return {
    records: objects.filter((one) => !isSnapshot(one) && !isReceipt(one)),
    snapshots: objects.filter(isSnapshot).map((object) => {
      const opened = attempt(repository, object, (own) => ({
        domain: own.domain,
        summary: openSnapshot(repository, own).summary,
      }))
      return { object, opened }
    }),
    receipts: objects.filter(isReceipt).map((object) => {
      const confirms = attempt(repository, object, (own) => {
        const { snapshot } = openReceipt(repository, own)
        return confirmationOf({ ...own, name: contentName('snapshots', snapshot) })
      })
      return { object, confirms }
    }),
  }
}

interface Own {
  readonly domain: DomainAccess
  readonly object: Bytes
  readonly objectHash: Bytes
}

function attempt<T>(
  { domains }: Repository,
  { name, good }: PutBack,
  open: (own: Own) => T,
): T | undefined {
  const hex = toHex(good.subarray(12, 28))
  const domain = domains.find((one) => one.hex === hex)
  if (domain === undefined) return undefined
  try {
    return open({ domain, object: good, objectHash: digestInName(name) as Bytes })
  } catch (error) {
    if (isCairnError(error, ...UNREADABLE)) return undefined
    throw error
  }
}

/** Snapshots of which none follows another one, and the receipts that come with them. */
export interface Wave {
  readonly snapshots: readonly SnapshotBack[]
  readonly receipts: readonly ReceiptBack[]
}

/** In the order in which they are to be put: of each source oldest first, one of each at a time. */
export function wavesOf({ snapshots, receipts }: ComingBack): readonly Wave[] {
  const waves: { snapshots: SnapshotBack[]; receipts: ReceiptBack[] }[] = []
  const waveAt = (at: number) => (waves[at] ??= { snapshots: [], receipts: [] })
  const waveOf = new Map<string, number>()
  for (const own of Map.groupBy(snapshots, sourceOf).values())
    for (const [at, one] of own.sort(bySequence).entries()) {
      waveAt(at).snapshots.push(one)
      if (one.opened !== undefined)
        waveOf.set(confirmationOf({ ...one.opened, name: one.object.name }), at)
    }
  for (const one of receipts) waveAt(waveOf.get(one.confirms ?? '') ?? 0).receipts.push(one)
  return waves
}

function sourceOf({ opened }: SnapshotBack): string {
  return opened === undefined ? '' : `${opened.domain.hex} ${toHex(opened.summary.sourceId)}`
}

function bySequence(a: SnapshotBack, b: SnapshotBack): number {
  return (a.opened?.summary.sequence ?? 0) - (b.opened?.summary.sequence ?? 0)
}
