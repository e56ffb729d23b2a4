// Snapshots and receipts that a repair puts back, opened: what snapshots need must be there before they are, and a
// snapshot that another one follows must count before that one is put, or a check would miss it.

import { type Bytes, toHex } from '../../base/bytes.ts'
import { isCairnError } from '../../base/errors.ts'
import type { Summary } from '../../format/snapshot.ts'
import type { ForgetRecord } from '../../format/upkeep-records.ts'
import type { DomainAccess } from '../../repository/access.ts'
import { UNDELETE_WINDOW_MS } from '../../repository/forgets.ts'
import { UNREADABLE } from '../../repository/object-problem.ts'
import type { Repository } from '../../repository/repository.ts'
import { confirmationOf, openReceipt, openSnapshot } from '../../repository/snapshots.ts'
import { openUpkeepRecord } from '../../repository/upkeep-records.ts'
import { contentName, digestInName } from '../../store/names.ts'

/** An object as it was, by the copy. */
export interface PutBack {
  readonly name: string
  readonly good: Bytes
  /** Whether there is something under that name, which goes into quarantine first. */
  readonly isDamaged: boolean
  /** Of a forget record that names others too, which are here: the snapshots that it is wanted for. */
  readonly only?: readonly string[] | undefined
  /** When the copy, or this store before it was damaged, received it, as far as that is known. */
  readonly storedAtMs?: number | undefined
}

export interface OpenedBack {
  readonly domain: DomainAccess
  readonly summary: Summary
}

export interface SnapshotBack {
  readonly object: PutBack
  /** Undefined where no key of ours opens it. */
  readonly opened: OpenedBack | undefined
}

export interface ReceiptBack {
  readonly object: PutBack
  /** See confirmationOf; undefined where no key of ours opens it. */
  readonly confirms: string | undefined
}

/** A forget record, and what of it is wanted. */
export interface ForgetsBack {
  readonly object: PutBack
  /** Undefined where no key of ours opens it. */
  readonly said: { readonly domain: DomainAccess; readonly record: ForgetRecord } | undefined
}

export interface ComingBack {
  /** What snapshots and receipts rely upon, or is said beside them. */
  readonly records: readonly PutBack[]
  readonly snapshots: readonly SnapshotBack[]
  readonly receipts: readonly ReceiptBack[]
  readonly forgets: readonly ForgetsBack[]
}

export function openComingBack(repository: Repository, objects: readonly PutBack[]): ComingBack {
  const isIn = (folder: string) => (one: PutBack) => one.name.startsWith(folder)
  const [isSnapshot, isReceipt] = [isIn('snapshots/'), isIn('receipts/')]
  const isForgets = isIn('forgets/')
  return {
    records: objects.filter((one) => !isSnapshot(one) && !isReceipt(one) && !isForgets(one)),
    forgets: objects.filter(isForgets).map((object) => openForgets(repository, object)),
    snapshots: objects.filter(isSnapshot).map((object) => {
      const opened = attempt(repository, object, (own) => openedSnapshot(repository, own))
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

function openForgets(repository: Repository, object: PutBack): ForgetsBack {
  const said = attempt(repository, object, (own) => {
    const { snapshots, forgottenMs } = openUpkeepRecord(repository, { ...own, kind: 'forget' })
    const isWanted = (hash: Bytes) => object.only?.includes(contentName('snapshots', hash)) ?? true
    const wanted = snapshots.filter(({ snapshot }) => isWanted(snapshot))
    return { domain: own.domain, record: { snapshots: wanted, forgottenMs } }
  })
  return { object, said }
}

/** What can be had back when these records are there, at this time by the store's clock. */
export function undeletableIn(
  repository: Repository,
  forgets: readonly ForgetsBack[],
  { nowMs }: { readonly nowMs: number },
): readonly OpenedBack[] {
  return forgets.flatMap(({ said }) => {
    if (said === undefined || nowMs - said.record.forgottenMs >= UNDELETE_WINDOW_MS) return []
    return said.record.snapshots.flatMap(({ snapshot, object: good }) => {
      if (good === undefined) return []
      const one = { name: contentName('snapshots', snapshot), good, isDamaged: false }
      return attempt(repository, one, (own) => openedSnapshot(repository, own)) ?? []
    })
  })
}

/** A snapshot that comes back, opened; undefined where no key of ours does. */
export function openedBack(
  repository: Repository,
  { name, good }: Pick<PutBack, 'name' | 'good'>,
): OpenedBack | undefined {
  return attempt(repository, { name, good }, (own) => openedSnapshot(repository, own))
}

function openedSnapshot(repository: Repository, own: Own): OpenedBack {
  return { domain: own.domain, summary: openSnapshot(repository, own).summary }
}

interface Own {
  readonly domain: DomainAccess
  readonly object: Bytes
  readonly objectHash: Bytes
}

function attempt<T>(
  { domains }: Repository,
  { name, good }: Pick<PutBack, 'name' | 'good'>,
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

/** A snapshot that comes back, and since when it has been stored somewhere. */
export interface SightedBack extends OpenedBack {
  readonly name: string
  readonly storedAtMs: number
}

/**
 * When a store first had them, as far as is known: what the copy says of it, but not from before they were saved, nor
 * from a time to come. Without it all would be of today.
 */
export function sightedBack(
  { snapshots }: ComingBack,
  { nowMs }: { readonly nowMs: number },
): readonly SightedBack[] {
  return snapshots.flatMap(({ object: { name, storedAtMs }, opened }) => {
    if (opened === undefined || storedAtMs === undefined) return []
    const receivedMs = Math.min(nowMs, Math.max(storedAtMs, opened.summary.endedMs))
    return { ...opened, name, storedAtMs: receivedMs }
  })
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
