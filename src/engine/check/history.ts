// Whether the history of each source is whole, as far as what is there tells: a store can keep back a
// snapshot or a receipt, and all that is left is intact. What explains a snapshot that is gone is a forget
// record, a mark, or that somebody gave it up. Who takes away the newest snapshots with their receipts leaves no trace here, so that
// machines remember the newest that they have known.

import { type Bytes, toHex } from '../../base/bytes.ts'
import { Holds } from '../../repository/holds.ts'
import type { Index } from '../../repository/index-load.ts'
import type { Repository } from '../../repository/repository.ts'
import { confirmationOf } from '../../repository/snapshots.ts'
import { contentName } from '../../store/names.ts'
import { finishedSessions, followedByForgotten, followers, held } from '../witnesses.ts'
import type {
  OpenedForgotten,
  OpenedObjects,
  OpenedReceipt,
  OpenedSnapshot,
} from './opened-objects.ts'
import type { Findings } from './problems.ts'

/** A snapshot that somebody has known to count. */
export interface KnownSnapshot {
  readonly id: string
  /** In hexadecimal. */
  readonly domain: string
}

interface HistoryOptions {
  /** Of this domain. */
  readonly known: readonly KnownSnapshot[]
  readonly index: Index
  readonly opened: OpenedObjects
  readonly findings: Findings
}

/**
 * Reports what is missing in the history of a domain's sources. Returns the names of the snapshots that had
 * a receipt once and have none any more.
 */
export async function checkHistory(
  { store }: Pick<Repository, 'store'>,
  options: HistoryOptions,
): Promise<ReadonlySet<string>> {
  const history = new History(store, options)
  await history.checkReceipts()
  await history.checkPredecessors()
  await history.checkHolds()
  history.checkNumbers()
  await history.checkKnown()
  return history.stripped()
}

/** A number that a source has given out. */
interface Numbered {
  readonly name: string
  readonly sequence: number
  readonly predecessor: Bytes | undefined
}

class History {
  readonly #store: Repository['store']
  readonly #options: HistoryOptions
  readonly #snapshots: readonly OpenedSnapshot[]
  readonly #receipts: readonly OpenedReceipt[]
  readonly #forgotten: readonly OpenedForgotten[]
  /** Names of snapshots that upkeep said to be lost. */
  readonly #givenUp: ReadonlySet<string>
  /** Predecessors that are not there. */
  readonly #gone = new Set<string>()

  constructor(store: Repository['store'], options: HistoryOptions) {
    this.#store = store
    this.#options = options
    const { domain } = options.index
    this.#snapshots = options.opened.snapshots.filter((one) => one.domain === domain)
    this.#receipts = options.opened.receipts.filter((one) => one.domain === domain)
    this.#forgotten = [...options.opened.forgotten.values()].filter((one) => one.domain === domain)
    const lost = options.opened.losses.filter((one) => one.domain === domain)
    this.#givenUp = new Set(
      lost.flatMap(({ ids }) => ids.map((id) => contentName('snapshots', id))),
    )
  }

  /**
   * A receipt is put when its snapshot was there, so one that names an absent snapshot tells of a loss.
   * Not where the finished snapshot of the same run is there: that run found an earlier attempt of its
   * own removed and put another one.
   */
  async checkReceipts(): Promise<void> {
    const { findings } = this.#options
    const finished = finishedSessions(this.#snapshots.filter((one) => this.#isConfirmed(one)))
    for (const { name, snapshot, session } of this.#receipts) {
      if (!(await this.#isGone(snapshot)) || !(await this.#isStillThere(name))) continue
      if (this.#isForgotten(snapshot)) {
        findings.note(
          name,
          `it confirms ${snapshot}, which was forgotten: the next forget or prune removes it`,
        )
      } else if (this.#givenUp.has(snapshot)) {
        findings.note(name, `it confirms ${snapshot}, which was lost and given up`)
      } else if (finished.has(session)) {
        findings.note(name, `it confirms ${snapshot}, in whose place its run put another`)
      } else {
        const what = `the store does not have this snapshot, and ${name} confirms it`
        findings.add({ kind: 'missing', object: snapshot, what })
      }
    }
  }

  /** A run names what it follows only where that counted, so it was there. */
  async checkPredecessors(): Promise<void> {
    const witnesses = [
      ...followers(this.#snapshots),
      ...followedByForgotten(this.#forgotten, this.#snapshots),
    ]
    for (const { name, snapshot: before } of witnesses) {
      if (this.#isForgotten(before) || this.#givenUp.has(before)) continue
      if (!this.#gone.has(before) && !(await this.#isGone(before))) continue
      this.#gone.add(before)
      const what = `the store does not have this snapshot, and ${name} follows it`
      this.#options.findings.add({ kind: 'missing', object: before, what })
    }
  }

  /** What nobody can forget. */
  async checkHolds(): Promise<void> {
    const { opened, index, findings } = this.#options
    const own = new Holds(opened.holds).counting.filter(({ domain }) => domain === index.domain)
    const confirmed = new Set(this.#receipts.map(({ snapshot }) => snapshot))
    for (const { name, snapshot } of held(own)) {
      if (this.#isForgotten(snapshot) || this.#givenUp.has(snapshot)) continue
      const isTold = this.#gone.has(snapshot) || confirmed.has(snapshot)
      if (isTold || !(await this.#isGone(snapshot))) continue
      this.#gone.add(snapshot)
      const what = `the store does not have this snapshot, and ${name} holds it`
      findings.add({ kind: 'missing', object: snapshot, what })
    }
  }

  /** What was there, and what nothing that is left tells of: the end of a history that was cut off. */
  async checkKnown(): Promise<void> {
    const { known, findings } = this.#options
    for (const { id } of known) {
      const name = `snapshots/${id}`
      const isExplained = this.#isForgotten(name) || this.#givenUp.has(name)
      if (this.#gone.has(name) || isExplained || this.#isReplaced(id)) continue
      const snapshot = this.#snapshots.find((one) => one.name === name)
      if (snapshot !== undefined && !this.#isConfirmed(snapshot)) {
        const what =
          'its receipt is not there, without which it does not count; this machine knew one'
        findings.add({ kind: 'missing', object: name, what })
      } else if (await this.#isGone(name)) {
        const what =
          'the store does not have this snapshot, which this machine knew; nobody forgot it'
        findings.add({ kind: 'missing', object: name, what })
      }
    }
  }

  /** By one with other tags, for example. */
  #isReplaced(id: string): boolean {
    return this.#snapshots.some(({ summary }) => summary.replaces && toHex(summary.replaces) === id)
  }

  /** Numbers of what was forgotten are no gaps. */
  checkNumbers(): void {
    const listed = this.#snapshots.map(({ name, summary }) => {
      const { sequence, predecessor } = summary
      return { name, source: toHex(summary.sourceId), sequence, predecessor }
    })
    const forgotten = this.#forgotten.map(({ name, sourceId, sequence, predecessor }) => {
      return { name, source: toHex(sourceId), sequence, predecessor }
    })
    const sources = Map.groupBy([...listed, ...forgotten], ({ source }) => source)
    for (const numbered of sources.values()) {
      let last = 0
      // Two runs at the same time have the same number.
      for (const one of numbered.sort((a, b) => a.sequence - b.sequence)) {
        this.#checkGap(one, last + 1)
        last = one.sequence
      }
    }
  }

  /**
   * Where a snapshot follows one that is there, its writer itself left room for what it could not read
   * then, perhaps of another source: that is no loss. Where what it follows is gone too, the numbers say
   * how much else is. One number belongs to the predecessor, which was reported by its name.
   */
  #checkGap({ name, predecessor, sequence }: Numbered, first: number): void {
    const { opened, findings } = this.#options
    const isCutOff =
      predecessor !== undefined && this.#gone.has(contentName('snapshots', predecessor))
    const last = sequence - (isCutOff ? 2 : 1)
    if (last < first) return
    const numbers = first === last ? `number ${first}` : `numbers ${first} to ${last}`
    const what = `no snapshot of its source has the ${numbers}`
    if (isCutOff && !opened.isUnread('snapshots/'))
      findings.add({ kind: 'missing', object: name, what })
    else findings.note(name, `${what}: something could not be read when this one was made`)
  }

  /**
   * Snapshots that others follow, though no receipt confirms them: those were taken away. One that no
   * other follows is what any interrupted run leaves. A receipt that cannot be read may be theirs.
   */
  stripped(): ReadonlySet<string> {
    const { opened, findings } = this.#options
    const followedBy = new Map(
      followers(this.#snapshots).map(({ name, snapshot }) => [snapshot, name]),
    )
    const stripped = new Set<string>()
    if (opened.isUnread('receipts/')) return stripped
    for (const snapshot of this.#snapshots) {
      const follower = followedBy.get(snapshot.name)
      if (follower === undefined || this.#isConfirmed(snapshot)) continue
      stripped.add(snapshot.name)
      const what = `its receipt is not there, without which it does not count, and ${follower} follows it`
      findings.add({ kind: 'missing', object: snapshot.name, what })
    }
    return stripped
  }

  #isForgotten(name: string): boolean {
    const { index, opened } = this.#options
    return opened.forgotten.has(confirmationOf({ domain: index.domain, name }))
  }

  #isConfirmed(snapshot: OpenedSnapshot): boolean {
    return this.#options.opened.confirmed.has(confirmationOf(snapshot))
  }

  /** Asked again: a backup may have put it since snapshots were listed. */
  async #isGone(name: string): Promise<boolean> {
    const { index, opened } = this.#options
    if (opened.listedSnapshots.has(name) || index.marked.snapshots.has(name)) return false
    return !(await this.#isStillThere(name))
  }

  /** True too where the store cannot say it, which is a problem of its own. */
  async #isStillThere(name: string): Promise<boolean> {
    try {
      return (await this.#store.stat(name)) !== undefined
    } catch (error) {
      this.#options.findings.addError(name, error)
      return true
    }
  }
}
