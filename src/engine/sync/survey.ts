// What there is to compare: everything that the source lists, everything that the target lists, and what
// the marks at the target name.
//
// The order of the listings at the source is what makes the copy whole, while others write and prune there.
// A writer puts packs, index, snapshot, receipt: so receipts are listed first and packs last, and whatever
// a listed snapshot needs is listed too. Marks come before snapshots: a snapshot that was committed without
// seeing a mark was there before it, and so goes with it or before it. Forget records come after snapshots:
// what is gone from there has its record here.

import { isConfigName, isGrantName, isKeyringName } from '../../repository/generations.ts'
import type { ObjectInfo, Store } from '../../store/store.ts'
import { CLOCK_ERROR_MS, listingLagMs } from '../prune/timing.ts'
import { readTargetMarks, type TargetMark } from './target-marks.ts'

/** What is copied: everything but leases, which are about who is at work there, and quarantine. */
const SYNC_FOLDERS = [
  'marks',
  'receipts',
  'snapshots',
  'sightings',
  'holds',
  'forgets',
  'renewals',
  'losses',
  'config',
  'keys',
  'index',
  'packs',
] as const

export type SyncFolder = (typeof SYNC_FOLDERS)[number]

export type Listing = Readonly<Record<SyncFolder, readonly ObjectInfo[]>>

export interface Survey {
  /** Oldest first, configs by generation. */
  readonly source: Listing
  /** Names and lengths. */
  readonly target: ReadonlyMap<string, number>
  readonly marks: readonly TargetMark[]
  /** How long after a mark of the source somebody may have put a snapshot there without having seen it. */
  readonly lagMs: number
}

/** Lists both. Throws what the stores throw, and what readTargetMarks does. */
export async function survey(stores: {
  readonly source: Store
  readonly target: Store
}): Promise<Survey> {
  const source = await listSource(stores.source)
  const target = await listTarget(stores.target)
  const marks = await readTargetMarks(stores.target)
  return { source, target, marks, lagMs: listingLagMs(stores.source.capabilities) + CLOCK_ERROR_MS }
}

async function listSource(store: Store): Promise<Listing> {
  const listing: Partial<Record<SyncFolder, readonly ObjectInfo[]>> = {}
  for (const folder of SYNC_FOLDERS) listing[folder] = await listFolder(store, folder)
  return listing as Listing
}

/** Names of other forms are no part of a repository. */
export async function listFolder(store: Store, folder: SyncFolder): Promise<readonly ObjectInfo[]> {
  const found: ObjectInfo[] = []
  for await (const info of store.list(`${folder}/`)) if (isOurs(info.name)) found.push(info)
  return found.sort(folder === 'config' ? byName : byStamp)
}

function isOurs(name: string): boolean {
  if (name.startsWith('config/')) return isConfigName(name)
  return !name.startsWith('keys/') || isGrantName(name) || isKeyringName(name)
}

function byStamp(a: ObjectInfo, b: ObjectInfo): number {
  return a.storedAtMs - b.storedAtMs || byName(a, b)
}

function byName(a: ObjectInfo, b: ObjectInfo): number {
  return a.name < b.name ? -1 : 1
}

/** A target that is not there yet has nothing. */
async function listTarget(store: Store): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>()
  for (const folder of SYNC_FOLDERS) {
    for await (const { name, size } of store.list(`${folder}/`)) sizes.set(name, size)
  }
  return sizes
}
