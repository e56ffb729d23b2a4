// Two repositories with one secret for both owners, each with two domains, and in each domain one of every
// kind of object: what a store has at hand that wants to pass one thing off as another.

import { type Bytes, concat } from '../../src/base/bytes.ts'
import { systemClock } from '../../src/base/clock.ts'
import type { DomainAccess } from '../../src/repository/access.ts'
import { createRepository } from '../../src/repository/create.ts'
import { addGrant } from '../../src/repository/grants-add.ts'
import { HeldLease } from '../../src/repository/lease.ts'
import { type Mark, putMark as putMarkOf } from '../../src/repository/marks.ts'
import { openRepository, type Repository, selectDomain } from '../../src/repository/repository.ts'
import { putReceipt as putReceiptOf } from '../../src/repository/snapshots.ts'
import {
  putUpkeepRecord,
  type UpkeepKind,
  type UpkeepRecords,
} from '../../src/repository/upkeep-records.ts'
import { upkeepSignatory } from '../../src/repository/upkeep-signatory.ts'
import { systemRandom } from '../../src/sealer/random.ts'
import { decorate } from '../../src/store/decorate.ts'
import { openMemory } from '../../src/store/memory.ts'
import { digestInName } from '../../src/store/names.ts'
import type { Store } from '../../src/store/store.ts'
import {
  backupFiles,
  type Files,
  namesOf,
  newSecret,
  noise,
  type SecretKey,
} from '../repositories/sample.ts'

export interface World {
  readonly owner: SecretKey
  /** Of two repositories. */
  readonly stores: readonly [Store, Store]
}

export const FILES: Files = {
  'a.txt': 'alpha',
  'folder/b.txt': 'beta'.repeat(200),
  'folder/c.bin': noise(40_000, 3),
}

export async function makeWorld(): Promise<World> {
  const owner = newSecret()
  return { owner, stores: [await makeOne(owner), await makeOne(owner)] }
}

/** The same objects in stores of their own. */
export async function copyStore(store: Store): Promise<Store> {
  const copy = openMemory({ clock: systemClock })
  for (const name of await namesOf(store, '')) await copy.put(name, [await store.get(name)])
  return copy
}

async function makeOne(owner: SecretKey): Promise<Store> {
  const store = openMemory({ clock: systemClock })
  const making = { random: systemRandom, clock: systemClock }
  await createRepository(store, { ...owner, ...making })
  const writer = newSecret()
  const first = await openRepository(store, owner)
  await addGrant(first, { role: 'writer', label: 'other', ...writer, ...making })
  const upkeep = newSecret()
  await addGrant(await openRepository(store, owner), {
    role: 'upkeep',
    label: 'up',
    ...upkeep,
    ...making,
  })
  for (const key of [owner, writer]) {
    const repository = await openRepository(store, key)
    await backupFiles(repository, { files: FILES, domain: key === owner ? 'default' : 'other' })
    const domain = repository.domains.at(key === owner ? 0 : -1)
    await leaveLease(repository, domain as DomainAccess)
  }
  const up = await openRepository(store, upkeep)
  for (const domain of up.domains) await putUpkeeps(up, domain)
  return store
}

/** A lease as a session that was killed leaves it. */
export async function leaveLease(repository: Repository, domain: DomainAccess): Promise<void> {
  const store = decorate(repository.store, { remove: () => Promise.resolve() })
  const lease = await HeldLease.take({
    repository: { ...repository, store },
    domain,
    sessionId: systemRandom(16),
    purpose: 'backup',
    host: 'host',
    clock: systemClock,
    onProblem: () => undefined,
  })
  await lease.release()
}

const HASH = new Uint8Array(32)
const NOTHING_MARKED: Mark = { packs: [HASH], snapshots: [], markedMs: 1 }

/** A mark, of packs that are not there unless others are given: then it changes nothing. */
export function putMark(
  repository: Repository,
  { domain: label, mark = NOTHING_MARKED }: { readonly domain: string; readonly mark?: Mark },
): Promise<string> {
  const domain = selectDomain(repository, label)
  return putMarkOf(repository, { domain, signatory: upkeepSignatory(repository, domain), mark })
}

/** One of all that only upkeep puts, about what is not there: it changes nothing. */
export async function putUpkeeps(repository: Repository, domain: DomainAccess): Promise<void> {
  await putMark(repository, { domain: domain.label })
  const said = { snapshot: HASH, sourceId: HASH.slice(16), sequence: 1, isConfirmed: true }
  const forgotten = { ...said, predecessor: HASH }
  const put = <K extends UpkeepKind>(kind: K, record: UpkeepRecords[K]) =>
    putUpkeepRecord(repository, { kind, domain, record })
  await put('forget', { snapshots: [{ ...forgotten, object: HASH }], forgottenMs: 1 })
  await put('sighting', {
    snapshots: [{ snapshot: HASH, receivedMs: 1 }],
    moved: [{ pack: HASH, receivedMs: [1, 2] }],
  })
  await put('hold', { snapshots: [HASH], releases: [HASH], reason: 'because', heldMs: 1 })
  await put('renewal', { packs: [HASH], renewedMs: 1 })
  await put('loss', { ids: [HASH], foundMs: 1 })
}

/** A receipt as a writer of this domain signs it, for whatever snapshot. */
export function putReceipt(
  repository: Repository,
  { domain, snapshot }: { readonly domain: DomainAccess; readonly snapshot: string },
): Promise<string> {
  const hash = digestInName(snapshot) as Bytes
  const receipt = { snapshot: hash, sessionId: new Uint8Array(16), confirmedMs: 1 }
  return putReceiptOf(repository, { domain, receipt })
}

/** The object with other bytes in its prefix. */
export function withPrefix(object: Bytes, change: (prefix: Uint8Array) => void): Bytes {
  const prefix = object.slice(0, 32)
  change(prefix)
  return concat([prefix, object.subarray(32)])
}
