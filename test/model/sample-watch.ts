// Watches a sampled run: what was reported as saved and what was removed on purpose, and after each step that
// may lose something whether it did.

import { type ErrorCode, isCairnError } from '../../src/base/errors.ts'
import type { CheckProblem } from '../../src/engine/check/problems.ts'
import { LEASE_HONOURED_MS } from '../../src/repository/sessions.ts'
import { Invariants } from './invariants.ts'
import { COPY, nameWithin, type Place, placeOf, SOURCE } from './places.ts'
import type { SampleConfiguration } from './sample-configurations.ts'
import type { Reports } from './sample-programs.ts'
import type { SampleStore } from './sample-store.ts'
import { LIMITS, repositoryOf, seeded, type World } from './world.ts'

/** How actors may fail. */
const FAILURES: Readonly<Record<SampleConfiguration['mayFail'], readonly ErrorCode[]>> = {
  never: [],
  'while listings lag': ['snapshot-unconfirmed'],
  'as the store does': [
    'store-unreadable',
    'store-unwritable',
    'no-space',
    'snapshot-unconfirmed',
    'object-damaged',
  ],
}

/**
 * A twin in mid-session has put a name that was in a mark, or of a snapshot that is gone: what it seals is what its
 * other half has sealed, and neither can know. Whoever was suspended while that mark was swept may delete it
 * again, and the receipt of the other half may still be there: no more is promised then. Nor where a pruner of the
 * copy goes on sweeping a mark that has been swept and removed, when sync has put the packs again: because its twin did
 * that, or another one when it was suspended in the midst of a call for so long that nobody honoured its lease.
 */
export class NotPromised extends Error {}

export class Watch {
  /** Texts of what was reported as saved, by name. */
  readonly saved = new Map<string, readonly string[]>()
  /** For the actors. */
  readonly own: Reports
  readonly #forgotten = new Set<string>()
  /** What was whole at the copy when sync said so. */
  readonly #copied = new Set<string>()
  /** What was ever confirmed at the copy. */
  readonly #wereConfirmed = new Set<string>()
  #syncBeganMs = 0
  readonly #failures: unknown[] = []
  readonly #invariants: Readonly<Record<Place, Invariants>>
  readonly #store: SampleStore
  readonly #mayFail: SampleConfiguration['mayFail']
  /** Who put a name last, as the seed of its randomness. */
  readonly #putBy = new Map<string, number>()
  readonly #acknowledged = new Set<string>()
  readonly #everMarked = new Set<string>()
  /** Packs of the copy that sync has put when a mark had named them. */
  readonly #putAgain = new Set<string>()
  /** When each has put its last lease, by the seed of its randomness. */
  readonly #leasedMs = new Map<number, number>()
  /** Snapshots that somebody removed without a record. */
  readonly #removed = new Set<string>()
  /** Snapshots that were removed before they had a receipt, or by whoever had not seen it when it came. */
  readonly #neverConfirmed = new Set<string>()
  readonly #twins = new Set<number>()
  #hasNews = false

  constructor({
    world,
    store,
    mayFail,
  }: {
    readonly world: World
    readonly store: SampleStore
    readonly mayFail: SampleConfiguration['mayFail']
  }) {
    this.#store = store
    this.#mayFail = mayFail
    const options = {
      repository: repositoryOf(world, { store: world.store, random: seeded(0) }),
      objects: store.objects,
      isFrozen: false,
      windowMs: LIMITS.windowMs,
    }
    this.#invariants = {
      '': new Invariants({
        ...options,
        place: SOURCE,
        // Whoever forgets it later has a record of what is gone.
        wasHere: (name) => !this.#removed.has(name),
      }),
      'copy/': new Invariants({
        ...options,
        place: COPY,
        // A record comes to the copy also where its snapshot never did.
        wasHere: (name) => this.#wereConfirmed.has(name),
      }),
    }
    this.own = {
      onSaved: (snapshot, texts) => {
        this.saved.set(snapshot, texts)
        this.#hasNews = true
      },
      onSyncBegins: () => {
        this.#syncBeganMs = store.nowMs
      },
      onCopied: () => {
        for (const name of this.#invariants[COPY].confirmed(store)) this.#copied.add(name)
        this.#hasNews = true
      },
      onForget: (snapshot) => this.#forgotten.add(snapshot),
      onRemove: (snapshot) => {
        this.#forgotten.add(snapshot)
        this.#removed.add(snapshot)
      },
      onFailure: (error) => this.#failures.push(error),
    }
  }

  /** Of what was reported as saved, what nobody removed on purpose. */
  get kept(): readonly string[] {
    return [...this.saved.keys()].filter((name) => !this.#forgotten.has(name))
  }

  /**
   * One that was removed on purpose, or a gap in the history of a source: removers leave no record. And one
   * that nobody confirmed for a month: a writer that was suspended for longer puts its receipt then, and another name.
   */
  explains({ kind, object, what }: CheckProblem): boolean {
    const isGap = kind === 'missing' && what.startsWith('no snapshot of its source has the number')
    const isExplained = this.#forgotten.has(object) || this.#neverConfirmed.has(object)
    return isExplained || (isGap && this.#forgotten.size > 0)
  }

  /** Whose twin takes the same names, which neither can know. */
  hasTwin(seed: number): void {
    this.#twins.add(seed)
  }

  /** Somebody was told that a put has worked. */
  acknowledge(name: string): void {
    this.#acknowledged.add(name)
  }

  /** Whoever does not know that a put has worked may try again; nobody else takes a name that is marked. */
  beforePut(
    name: string,
    { by }: { /** The seed of its randomness. */ readonly by: number },
  ): void {
    if (this.#twins.has(by) && this.#isPast(name)) throw new NotPromised(name)
    const isAgain = this.#putBy.get(name) !== by || this.#acknowledged.has(name)
    if (isAgain && !this.#twins.has(by)) this.#expectNeverMarked(name)
    this.tookName(name, { by })
  }

  #isPast(name: string): boolean {
    if (this.#everMarked.has(name)) return true
    const isKnown = this.#putBy.has(name) && this.#store.get(name) === undefined
    return name.startsWith('snapshots/') && isKnown
  }

  /** Sync cannot know of a mark that came since it read those of the copy. */
  #expectNeverMarked(name: string): void {
    const place = placeOf(name)
    const beforeMs = place === COPY ? this.#syncBeganMs - this.#store.lagMs : undefined
    this.#invariants[place].expectNeverMarked(this.#store, name, beforeMs)
  }

  tookName(name: string, { by }: { readonly by: number }): void {
    if (placeOf(name) === COPY && this.#everMarked.has(name)) this.#putAgain.add(name)
    if (nameWithin(name).startsWith('leases/')) this.#leasedMs.set(by, this.#store.nowMs)
    this.#putBy.set(name, by)
  }

  #isUnhonoured(by: number): boolean {
    return this.#store.nowMs - (this.#leasedMs.get(by) ?? 0) >= LEASE_HONOURED_MS
  }

  afterPut(name: string): void {
    if (nameWithin(name).startsWith('marks/')) {
      const place = placeOf(name)
      for (const one of this.#invariants[place].markedNames(this.#store))
        this.#everMarked.add(`${place}${one}`)
    }
    if (!nameWithin(name).startsWith('receipts/')) return
    for (const one of this.#invariants[COPY].confirmed(this.#store)) this.#wereConfirmed.add(one)
    this.expectKept()
  }

  beforeRemove(
    name: string,
    { by }: { /** The seed of its randomness. */ readonly by: number },
  ): void {
    if (this.#putAgain.has(name) && (this.#twins.has(by) || this.#isUnhonoured(by)))
      throw new NotPromised(name)
    const isSnapshot = name.startsWith('snapshots/')
    const isConfirmed = this.#invariants[SOURCE].confirmed(this.#store).has(name)
    if (isSnapshot && (!isConfirmed || this.#everMarked.has(name))) this.#neverConfirmed.add(name)
  }

  afterRemove(name: string): void {
    if (/^(packs|snapshots|receipts)\//.test(nameWithin(name))) this.expectKept()
  }

  expectKept(): void {
    const { nowMs } = this.#store
    const moment = { stored: this.#store, nowMs }
    this.#invariants[SOURCE].expectKept(moment, this.kept)
    this.#invariants[COPY].expectKept(
      moment,
      [...this.#copied].filter((name) => !this.#forgotten.has(name)),
    )
  }

  /** Everything that is confirmed at the source is so at the copy. */
  expectCopied(): void {
    const there = this.#invariants[COPY].confirmed(this.#store)
    for (const name of this.#invariants[SOURCE].confirmed(this.#store))
      if (!there.has(name)) throw new Error(`${name} was not copied, and sync says nothing of it`)
  }

  /** After an actor went on: what it says now must be so. */
  expectReported(): void {
    for (const error of this.#failures.splice(0)) this.#expectMayFail(error)
    if (!this.#hasNews) return
    this.#hasNews = false
    this.expectKept()
  }

  #expectMayFail(error: unknown): void {
    if (isCairnError(error, 'interrupted')) return
    if (isCairnError(error) && FAILURES[this.#mayFail].includes(error.code)) return
    // A twin has removed the lease of both.
    const isLost = isCairnError(error, 'object-missing') && this.#twins.size > 0
    if (isLost && this.#mayFail === 'as the store does' && /leases\//.test(error.message)) return
    const told = error instanceof Error ? (error.stack ?? error.message) : String(error)
    throw new Error(`an actor failed: ${told}`)
  }
}
