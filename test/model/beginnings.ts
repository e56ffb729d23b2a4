// What a repository of the model begins with, beside snapshots: marks, other domains, lies.

import { concat } from '../../src/base/bytes.ts'
import type { DomainKeys } from '../../src/format/keys.ts'
import { decodePrefix } from '../../src/format/prefix.ts'
import { newDomain } from '../../src/repository/create.ts'
import { putMark } from '../../src/repository/marks.ts'
import { expectPackPrefix, openTail } from '../../src/repository/pack-headers.ts'
import { loadSnapshots, openDetails, putSnapshot } from '../../src/repository/snapshots.ts'
import { upkeepSignatory } from '../../src/repository/upkeep-signatory.ts'
import { digestInName } from '../../src/store/names.ts'
import type { Store } from '../../src/store/store.ts'
import { putPack } from '../repositories/packs.ts'
import { backupTexts, repositoryOf, seeded, type World } from './world.ts'

export async function removeAll(store: Store, folders: readonly string[]): Promise<void> {
  for (const folder of folders)
    for await (const { name } of store.list(folder)) await store.remove(name)
}

/** A mark of these packs, by the owner. */
export async function markAll(
  world: World,
  packs: readonly string[],
  store = world.store,
): Promise<void> {
  const repository = repositoryOf(world, { store, random: seeded(7) })
  const [domain] = repository.domains
  if (domain === undefined) throw new Error('the world has a domain')
  const signatory = upkeepSignatory(repository, domain)
  const hashes = packs.map((name) => digestInName(name) as Uint8Array)
  await putMark(repository, {
    domain,
    signatory,
    mark: { packs: hashes, snapshots: [], markedMs: 1 },
  })
}

/** The world gets a second domain, which the owner holds too. */
export function addDomain(world: World): Promise<void> {
  const { repository } = world
  const owner = repository.ownership?.keys
  if (owner === undefined) throw new Error('the world is opened by its owner')
  const keys: DomainKeys = newDomain('other', {
    random: seeded(5),
    owner,
    repositoryId: repository.id,
  })
  world.moreDomains.push(keys)
  return Promise.resolve()
}

/** Packs and a snapshot of the second domain that claim to have every blob that `save` stores in the first. */
export async function forgeDuplicates(world: World, save: () => Promise<void>): Promise<void> {
  const { store } = world
  const [own, other] = repositoryOf(world, { store, random: seeded(8) }).domains
  if (own === undefined || other === undefined) throw new Error('the world has two domains')
  await save()
  const repository = { ...repositoryOf(world, { store, random: seeded(9) }), domains: [own, other] }
  const { snapshots } = await loadSnapshots(repository)
  const made: { readonly name: string; readonly bytes: Uint8Array }[] = []
  for await (const { name } of store.list('packs/'))
    made.push({ name, bytes: await store.get(name) })
  const stamp = world.clock.nowMs()
  world.clock.setMs(stamp - 2 * 24 * 3_600_000)
  for (const { name, bytes } of made) {
    const prefix = expectPackPrefix(bytes)
    const { header } = openTail(bytes, { name, packBytes: bytes.length, prefix, domain: own })
    const ids = Array.from({ length: header.ids.length / 32 }, (_, i) =>
      concat([header.ids.subarray(32 * i, 32 * i + 32)]),
    )
    const keys = other.beginSession()
    const blobs = ids.map((id) => ({ blob: new Uint8Array(1), id: id as never }))
    await putPack(repository, {
      kind: decodePrefix(bytes).kind as never,
      blobs,
      domain: other,
      keys,
    })
  }
  for (const snapshot of snapshots) {
    const details = openDetails(repository, snapshot)
    await putSnapshot(repository, { domain: other, summary: snapshot.summary, details })
  }
  world.clock.setMs(stamp)
}

export const TEXTS = ['alpha', 'beta']

/** A snapshot of these texts. */
export async function saved(world: World, seed = 1): Promise<void> {
  const parts = { store: world.store, clock: world.clock, random: seeded(seed) }
  await backupTexts(world, { parts, source: 'source', texts: TEXTS })
}

/** In the order in which they were put. */
export async function packsIn(store: Store): Promise<readonly string[]> {
  const names: string[] = []
  for await (const { name } of store.list('packs/')) names.push(name)
  return names
}
