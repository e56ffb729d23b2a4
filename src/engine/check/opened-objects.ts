// What the check of metadata opened and the rest of the check needs, and what it is given.

import type { Bytes } from '../../base/bytes.ts'
import type { ObjectKind } from '../../format/prefix.ts'
import type { Summary } from '../../format/snapshot.ts'
import type { DomainAccess } from '../../repository/access.ts'
import type { FoundHold } from '../../repository/holds.ts'
import type { Repository } from '../../repository/repository.ts'
import type { Findings } from './problems.ts'

export interface OpenedSnapshot {
  readonly name: string
  readonly id: string
  readonly domain: DomainAccess
  readonly summary: Summary
}

export interface OpenedReceipt {
  readonly name: string
  readonly domain: DomainAccess
  /** Object name of the snapshot that it confirms. */
  readonly snapshot: string
  /** Of the run, in hexadecimal. */
  readonly session: string
}

/** A snapshot that a forget record says was removed on purpose. */
export interface OpenedForgotten {
  readonly name: string
  readonly domain: DomainAccess
  readonly sourceId: Bytes
  readonly sequence: number
  /** Of the one that it followed. */
  readonly predecessor: Bytes | undefined
  /** Of the snapshot itself, where its record still has it and it can be opened. */
  readonly summary: Summary | undefined
  /** When the store received the record. */
  readonly forgottenAtMs: number
}

/** What one index segment says of a pack. */
export interface IndexEntry {
  readonly segment: string
  readonly packBytes: number
  /** See columnsDigest. */
  readonly digest: Bytes
}

/** What upkeep said to be lost. */
export interface OpenedLoss {
  readonly name: string
  readonly domain: DomainAccess
  readonly ids: readonly Bytes[]
  /** By the clock of whoever said so. */
  readonly foundMs: number
}

export class OpenedObjects {
  readonly losses: OpenedLoss[] = []
  readonly holds: FoundHold[] = []
  readonly snapshots: OpenedSnapshot[] = []
  readonly receipts: OpenedReceipt[] = []
  /** By confirmationOf; of several records the newest counts. */
  readonly forgotten = new Map<string, OpenedForgotten>()
  /** The newest stamp of all that was read: it is at least so late by the store's clock. */
  newestMs = 0
  /** Names of all snapshots that the store lists, of other domains and damaged ones too. */
  readonly listedSnapshots = new Set<string>()
  /** How many there are of domains that the key does not hold: of them only names are checked. */
  closed = 0
  /** See confirmationOf. */
  readonly confirmed = new Set<string>()
  /** By name of the pack. */
  readonly entries = new Map<string, IndexEntry[]>()
  readonly segments: { readonly name: string; readonly domain: DomainAccess }[] = []
  readonly #unread: string[] = []

  /** Says that an object is there and could not be opened. */
  fail(name: string): void {
    this.#unread.push(name)
  }

  /** Whether there is anything in a folder that could not be opened: it may be what is missed. */
  isUnread(folder: 'snapshots/' | 'receipts/'): boolean {
    return this.#unread.some((name) => name.startsWith(folder))
  }
}

export interface MetadataTask {
  readonly repository: Repository
  readonly findings: Findings
  readonly opened: OpenedObjects
  readonly signal: AbortSignal
  readonly onObject: (bytes: number) => void
}

/** An object of the repository's metadata as it was read. */
export interface ReadObject {
  readonly name: string
  readonly object: Bytes
  readonly kind: ObjectKind
  readonly storedAtMs: number
}
