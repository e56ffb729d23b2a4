// Bringing back what was forgotten: as long as its record is young, all that it needs is kept. A name that was
// removed is never put again (design, section 5, step 17), so the snapshot is wrapped anew and confirmed like
// any new one, by steps 3 to 8: put it; list marks, then packs; what it needs must be in listed packs
// that no mark names; put its receipt; list marks, then snapshots. Nothing else is uploaded.
//
// Killed before the receipt, or where what it needs is only in marked packs, it leaves a snapshot that is not
// confirmed: a root that does not count, which a later prune removes. The same command run again makes another one.

import type { Bytes } from '../base/bytes.ts'
import type { Clock } from '../base/clock.ts'
import { assert, CairnError } from '../base/errors.ts'
import { SESSION_ID_BYTES } from '../format/snapshot.ts'
import type { DomainAccess } from '../repository/access.ts'
import { loadMarks } from '../repository/marks.ts'
import { type Repository, selectDomain } from '../repository/repository.ts'
import {
  confirmationOf,
  putReceipt,
  putSnapshotAgain,
  type Snapshot,
} from '../repository/snapshots.ts'
import { putUpkeepRecord } from '../repository/upkeep-records.ts'
import { upkeepSignatory } from '../repository/upkeep-signatory.ts'
import type { Random } from '../sealer/random.ts'
import { getVerified } from '../store/content.ts'
import { digestInName } from '../store/names.ts'
import { loadSightings } from './sightings.ts'
import { Presence } from './undelete/presence.ts'
import {
  type ForgottenSurvey,
  type Selected,
  selectForgotten,
  surveyForgotten,
  type Undeletable,
} from './undelete/select.ts'
import { findStanding, isLeftBehind } from './undelete/standing.ts'
import { takeUpkeepLease, type UpkeepLease } from './upkeep-lease.ts'

const ATTEMPTS = 5
const PAUSE_MS = 1000

export interface UndeleteOptions {
  readonly repository: Repository
  readonly host: string
  readonly clock: Clock
  readonly random: Random
  /** What the lease tells when it cannot be renewed. */
  readonly onWarning: (error: unknown) => void
}

export interface Undeleted {
  readonly snapshot: Undeletable
  /** Object name of what now stands for it. */
  readonly name: string
}

export interface NotUndeleted {
  readonly snapshot: Undeletable
  readonly error: CairnError
}

export interface Offered extends ForgottenSurvey {
  /** In their window, and not whole any more: a prune with a shorter window took what they need. */
  readonly notWhole: readonly Undeletable[]
}

/** What can be had back by now. Throws 'not-permitted' without the right, and what the store throws. */
export function loadUndeletable({ repository, ...options }: UndeleteOptions): Promise<Offered> {
  return withLease({ ...options, repository, onlyReading: true }, async (lease) => {
    const survey = await surveyForgotten(repository, { nowMs: await lease.storeNowMs() })
    const notWhole = new Set<Undeletable>()
    for (const [domain, own] of Map.groupBy(survey.offered, (one) => one.domain)) {
      const presence = await Presence.load(repository, domain, { withMarked: true })
      for (const one of own)
        if ((await presence.lostBelow(one.summary.roots)) > 0) notWhole.add(one)
    }
    const offered = survey.offered.filter((one) => !notWhole.has(one))
    return { ...survey, offered, notWhole: [...notWhole] }
  })
}

/**
 * Brings back the snapshots that these ids name; what is back already is done. Those of which something is
 * missing are told and not confirmed. Throws as selectForgotten does before anything is done, and what the
 * store throws.
 */
export function undelete(
  options: UndeleteOptions & { readonly wanted: readonly string[] },
): Promise<{ readonly done: readonly Undeleted[]; readonly failed: readonly NotUndeleted[] }> {
  return withLease({ ...options, onlyReading: false }, async (lease) => {
    const found = await surveyForgotten(options.repository, { nowMs: await lease.storeNowMs() })
    const standing = await findStanding(options.repository, found.snapshots)
    const selected = options.wanted.map((wanted) => selectForgotten({ ...found, standing }, wanted))
    // Whoever was interrupted runs the same command again.
    const done = backAlready(selected)
    const failed: NotUndeleted[] = []
    const isBack = new Set(done.map(({ snapshot }) => snapshot))
    const chosen = new Set(
      selected.map(({ snapshot }) => snapshot).filter((one) => !isBack.has(one)),
    )
    for (const [domain, snapshots] of Map.groupBy(chosen, (one) => one.domain)) {
      const bringing = new Bringing({ ...options, domain, listed: found.snapshots })
      await bringing.bring(snapshots)
      done.push(...bringing.done)
      failed.push(...bringing.failed)
    }
    return { done, failed }
  })
}

function backAlready(selected: readonly Selected[]): Undeleted[] {
  const back = selected.flatMap(({ snapshot, back: by }) =>
    by === undefined ? [] : [[snapshot, by.name] as const],
  )
  return [...new Map(back)].map(([snapshot, name]) => ({ snapshot, name }))
}

async function withLease<T>(
  { onlyReading, ...options }: UndeleteOptions & { readonly onlyReading: boolean },
  act: (lease: UpkeepLease) => Promise<T>,
): Promise<T> {
  const domain = selectDomain(options.repository)
  upkeepSignatory(options.repository, domain)
  const lease = await takeUpkeepLease({ ...options, domain }, { onlyReading })
  try {
    return await act(lease)
  } finally {
    await lease.release()
  }
}

interface Put extends Undeleted {
  /** Of the snapshot and its receipt; another one for each, so that no name is put twice. */
  readonly sessionId: Bytes
}

interface BringingOptions extends UndeleteOptions {
  readonly domain: DomainAccess
  /** Among which there may be what an earlier run has left. */
  readonly listed: readonly Snapshot[]
}

/** Snapshots of one domain on their way back. */
class Bringing {
  readonly done: Undeleted[] = []
  readonly failed: NotUndeleted[] = []
  readonly #options: BringingOptions

  constructor(options: BringingOptions) {
    this.#options = options
  }

  async bring(snapshots: readonly Undeletable[]): Promise<void> {
    const { clock } = this.#options
    let left = snapshots
    for (let attempt = 1; left.length > 0; attempt++) {
      const put = await this.#put(left)
      const whole = await this.#whole(put)
      await this.#confirm(whole)
      left = await this.#notThere(whole)
      if (attempt === ATTEMPTS) break
      // Removed, marked, or only late in a listing.
      if (left.length > 0) await clock.sleep(PAUSE_MS * attempt)
    }
    for (const snapshot of left) this.failed.push({ snapshot, error: removedAgain(snapshot) })
  }

  /** As old as it was: that is written down before it counts. */
  async #put(snapshots: readonly Undeletable[]): Promise<readonly Put[]> {
    const { repository, domain, random } = this.#options
    const signatory = upkeepSignatory(repository, domain)
    const sightings = await loadSightings(repository)
    const put: Put[] = []
    for (const snapshot of snapshots) {
      const { object } = snapshot
      const sessionId = random(SESSION_ID_BYTES)
      const again = { domain, object, sessionId, signatory }
      const name = await putSnapshotAgain(repository, again)
      put.push({ snapshot, name, sessionId })
      const receivedMs = sightings.receivedMs.get(confirmationOf(snapshot))
      if (receivedMs === undefined) continue
      const record = { snapshots: [{ snapshot: hashOf(name), receivedMs }], moved: [] }
      await putUpkeepRecord(repository, { kind: 'sighting', domain, record })
    }
    return put
  }

  /**
   * Those of which all is there. Of what is not, the snapshot that was just put is removed, for nobody has
   * been told of it, and it would keep prune from deleting anything. Where marked packs have the rest these are
   * spared by that one: then it stays, unconfirmed, unless an earlier run has left one that does the same.
   */
  async #whole(put: readonly Put[]): Promise<readonly Put[]> {
    const { repository, domain } = this.#options
    const presence = await Presence.load(repository, domain)
    const whole: Put[] = []
    for (const one of put) {
      const { snapshot, name } = one
      const lost = await presence.lostBelow(snapshot.summary.roots)
      if (lost === 0) {
        whole.push(one)
        continue
      }
      const isMarked = await this.#isWholeWithMarked(presence, snapshot)
      const isKept =
        isMarked && !isLeftBehind(this.#options.listed, { snapshot, marked: presence.index.marked })
      if (!isKept) await repository.store.remove(name)
      this.failed.push({ snapshot, error: lacking(snapshot, { lost, isMarked }) })
    }
    return whole
  }

  async #isWholeWithMarked({ index }: Presence, { summary }: Undeletable): Promise<boolean> {
    const { repository, domain } = this.#options
    if (index.marked.packs.size === 0) return false
    const presence = await Presence.load(repository, domain, { withMarked: true })
    return (await presence.lostBelow(summary.roots)) === 0
  }

  /** What had no receipt gets none. */
  async #confirm(whole: readonly Put[]): Promise<void> {
    const { repository, domain, clock } = this.#options
    const signatory = upkeepSignatory(repository, domain)
    for (const { snapshot, name, sessionId } of whole) {
      if (!snapshot.confirmed) continue
      const receipt = { snapshot: hashOf(name), sessionId, confirmedMs: clock.nowMs() }
      await putReceipt(repository, { domain, receipt, signatory })
    }
  }

  /** Marks first, then snapshots; and what is stored is read back. */
  async #notThere(whole: readonly Undeleted[]): Promise<readonly Undeletable[]> {
    const { repository, domain } = this.#options
    const marked = await loadMarks(repository, domain)
    const listed = new Set<string>()
    for await (const { name } of repository.store.list('snapshots/')) listed.add(name)
    const left: Undeletable[] = []
    for (const one of whole) {
      if (listed.has(one.name) && !marked.snapshots.has(one.name)) {
        await getVerified(repository.store, one.name)
        this.done.push(one)
      } else left.push(one.snapshot)
    }
    return left
  }
}

function lacking(
  { id }: Undeletable,
  { lost, isMarked }: { readonly lost: number; readonly isMarked: boolean },
): CairnError {
  const what = lost === 1 ? 'a part that it needs is' : `${lost} parts that it needs are`
  const text = `Cannot bring back snapshot ${id.slice(0, 8)}: ${what} in no pack that will stay`
  const hint = isMarked
    ? 'Packs that are marked for deletion have them. It is there again, unconfirmed, and keeps them. Prune stores anew what it needs of them when the grace of the mark is over (24 hours unless --grace says otherwise): ' +
      '`cairn prune --wait` waits for that. Then run the same command again.'
    : 'Run `cairn check`, and look for what is missing in your other copies.'
  return new CairnError('object-missing', text, { hint, context: { snapshot: id, lost } })
}

function removedAgain({ id }: Undeletable): CairnError {
  const text = `Cannot bring back snapshot ${id.slice(0, 8)}: it was removed or marked ${ATTEMPTS} times meanwhile`
  return new CairnError('snapshot-unconfirmed', text, {
    hint: 'Someone forgets or prunes at the same time. Run the command again.',
  })
}

function hashOf(name: string): Bytes {
  const hash = digestInName(name)
  assert(hash, 'a snapshot is named by its hash')
  return hash
}
