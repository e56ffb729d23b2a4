// Acts on the plan of a repair. What is damaged goes only when what can be had of it is stored, listed and
// named in the index; killed at any point, the next run finds what is left to do. Where there is no space
// nothing goes.

import { type Bytes, equalBytes, fromHex } from '../../base/bytes.ts'
import type { Clock } from '../../base/clock.ts'
import { CairnError, isCairnError } from '../../base/errors.ts'
import { sha256 } from '../../base/hash.ts'
import { LOST_IDS_MAX } from '../../format/limits.ts'
import type { DomainAccess } from '../../repository/access.ts'
import { groupsOf, putSegment } from '../../repository/index-write.ts'
import { loadMarks } from '../../repository/marks.ts'
import { WITHHELD } from '../../repository/object-problem.ts'
import { FOUND_BYTES_MAX, quarantine } from '../../repository/quarantine.ts'
import type { Repository } from '../../repository/repository.ts'
import type { RootSnapshot } from '../../repository/roots.ts'
import { putReceipt } from '../../repository/snapshots.ts'
import { putUpkeepRecord } from '../../repository/upkeep-records.ts'
import { upkeepSignatory } from '../../repository/upkeep-signatory.ts'
import type { Random } from '../../sealer/random.ts'
import { getBounded } from '../../store/content.ts'
import { digestInName } from '../../store/names.ts'
import { inRecords } from '../forget/execute.ts'
import { FramePacks } from '../frame-packs.ts'
import type { Headers } from '../prune/headers.ts'
import { listingLagMs } from '../prune/timing.ts'
import { loadSightings, recordSightings } from '../sightings.ts'
import type { ForgetsBack, PutBack, Wave } from './coming-back.ts'
import { bytesOf, takeFrames } from './frame-source.ts'
import type { DomainRepair, RepairPlan } from './plan.ts'
import { ReliedPacks } from './relied-packs.ts'

interface StepOptions {
  readonly repository: Repository
  readonly signal: AbortSignal
  /** Told of each step before it is taken. */
  readonly onStep: (object: string) => void
}

export interface ExecuteOptions extends StepOptions {
  readonly clock: Clock
  readonly random: Random
  /** Headers of packs, as the plan has read them. */
  readonly headers: Headers
}

/**
 * Does everything but saying what is lost. What is saved or fetched comes first, then the snapshots that need it:
 * so killed in between nothing is there of which something is missing. Throws what the stores throw,
 * 'interrupted', and 'snapshot-unconfirmed' where what was there is deleted meanwhile.
 */
export async function executeRepair(plan: RepairPlan, options: ExecuteOptions): Promise<void> {
  const { repository, clock } = options
  const isHold = ({ name }: PutBack) => name.startsWith('holds/')
  for (const one of plan.records) if (!isHold(one)) await putBack(one, options)
  for (const domain of plan.domains) await saveFrames(domain, options)
  for (const domain of plan.domains) await nameInIndex(domain, options)
  const lagMs = listingLagMs(repository.store.capabilities)
  if (lagMs > 0 && plan.packs.length + plan.counting.length > 0) await clock.sleep(lagMs)
  const relied = await ReliedPacks.find(repository, { ...plan, headers: options.headers })
  await explain(plan.forgets, options)
  const sightings = await loadSightings(repository, { onlyReading: true })
  await recordSightings(repository, { snapshots: plan.sighted, sightings })
  for (const wave of plan.waves) await bringBack(wave, { ...options, relied })
  for (const forgets of plan.forgets) await putBackForgets(forgets, options)
  // What is held and not there is missed.
  for (const one of plan.records) if (isHold(one)) await putBack(one, options)
  for (const { name } of plan.packs) await takeAway(name, options)
  if (plan.confirmed.length > 0) await relied.expectThere()
  for (const snapshot of plan.confirmed) await confirm(snapshot, options)
  for (const { name } of plan.removed) await takeAway(name, options)
}

/**
 * Says at once what all forget records that come back say, without the snapshots themselves: of these each tells of the
 * one that it followed, which may be explained by another record only. So a check finds no gap, whatever is there.
 */
async function explain(
  forgets: readonly ForgetsBack[],
  { repository }: ExecuteOptions,
): Promise<void> {
  const all = forgets.flatMap(({ said }) => said ?? [])
  for (const [domain, own] of Map.groupBy(all, (one) => one.domain)) {
    const forgottenMs = Math.max(...own.map(({ record }) => record.forgottenMs))
    const facts = own.flatMap(({ record }) => record.snapshots)
    const alone = facts.map((one) => ({ ...one, object: undefined, predecessor: undefined }))
    for (const snapshots of inRecords(alone))
      await putUpkeepRecord(repository, {
        kind: 'forget',
        domain,
        record: { snapshots, forgottenMs },
      })
  }
}

/** Without what it says of snapshots that are here: these nobody has forgotten here. */
async function putBackForgets({ object, said }: ForgetsBack, options: ExecuteOptions) {
  if (object.only === undefined || said === undefined) return putBack(object, options)
  step(object.name, options)
  await putUpkeepRecord(options.repository, { kind: 'forget', ...said })
}

/** As a writer commits (design, section 5, steps 3 to 7), but under the names that they had. */
async function bringBack(
  { snapshots, receipts }: Wave,
  { relied, ...options }: ExecuteOptions & { readonly relied: ReliedPacks },
): Promise<void> {
  for (const { object } of snapshots) await putBack(object, options)
  await relied.expectThere()
  for (const { object } of receipts) await putBack(object, options)
}

function step(object: string, { signal, onStep }: StepOptions): void {
  if (signal.aborted) throw new CairnError('interrupted', 'Interrupted')
  onStep(object)
}

async function putBack({ name, good, isDamaged }: PutBack, options: ExecuteOptions): Promise<void> {
  if (isDamaged) await takeAway(name, options)
  else step(name, options)
  await options.repository.store.put(name, [good])
}

async function saveFrames({ domain, taken }: DomainRepair, options: ExecuteOptions): Promise<void> {
  const { repository, random } = options
  const bytes = taken.reduce((sum, one) => sum + bytesOf(one), 0)
  const packs = new FramePacks({ repository, domain, random, bytes })
  for (const frames of taken) {
    step(frames.source.name, options)
    await takeFrames(packs, frames)
  }
  await packs.flush()
}

async function nameInIndex({ domain, unnamed }: DomainRepair, options: ExecuteOptions) {
  const { repository } = options
  const signatory = upkeepSignatory(repository, domain)
  for (const packs of groupsOf(unnamed)) {
    step('index/', options)
    await putSegment(repository, { domain, signatory, packs, supersedes: [] })
  }
}

/** Into quarantine, as it is found now. */
export async function takeAway(name: string, options: StepOptions): Promise<void> {
  step(name, options)
  const { repository } = options
  const bytes = await found(repository, name)
  if (bytes !== undefined) await quarantine(repository, { name, bytes })
}

/** Read twice: what a bad disk gives out may differ each time, and evidence must be what is there. */
async function found({ store }: Repository, name: string): Promise<Bytes | undefined> {
  const read = () => getBounded(store, { name, bytesMax: FOUND_BYTES_MAX })
  try {
    const digest = sha256(await read())
    const bytes = await read()
    return equalBytes(sha256(bytes), digest) ? bytes : undefined
  } catch (error) {
    // What is not given out stays where it is: the check that follows tells.
    if (isCairnError(error, 'object-missing', ...WITHHELD)) return undefined
    throw error
  }
}

/** As a writer does when all that a snapshot needs is there (design, section 5, steps 4 to 7). */
async function confirm(
  { name, domain, summary }: RootSnapshot,
  options: ExecuteOptions,
): Promise<void> {
  step(name, options)
  const { repository, clock } = options
  const { snapshots } = await loadMarks(repository, domain, () => undefined)
  if (snapshots.has(name) || (await repository.store.stat(name)) === undefined) return
  const snapshot = digestInName(name) as Bytes
  const receipt = { snapshot, sessionId: summary.sessionId, confirmedMs: clock.nowMs() }
  await putReceipt(repository, { domain, receipt })
}

/** Says that ids are lost, so that nobody waits for them. */
export async function markLost(
  repository: Repository,
  {
    domain,
    lost,
    clock,
  }: { readonly domain: DomainAccess; readonly lost: readonly string[]; readonly clock: Clock },
): Promise<void> {
  const ids = [...lost].sort().flatMap((hex) => fromHex(hex) ?? [])
  for (let at = 0; at < ids.length; at += LOST_IDS_MAX) {
    const record = { ids: ids.slice(at, at + LOST_IDS_MAX), foundMs: clock.nowMs() }
    await putUpkeepRecord(repository, { kind: 'loss', domain, record })
  }
}
