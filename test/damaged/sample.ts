// The repository that is damaged: in a local folder, two snapshots of one source, one object at least in every
// folder that anything is put into. Made anew for each run, with other keys, and always of the same shape: so
// objects go by labels.

import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Bytes, utf8 } from '../../src/base/bytes.ts'
import { systemClock } from '../../src/base/clock.ts'
import { backup } from '../../src/engine/backup.ts'
import { decodePrefix, type ObjectKind } from '../../src/format/prefix.ts'
import { createRepository } from '../../src/repository/create.ts'
import { addGrant } from '../../src/repository/grants-add.ts'
import { putMark } from '../../src/repository/marks.ts'
import { openRepository, type Repository, selectDomain } from '../../src/repository/repository.ts'
import { loadSnapshots } from '../../src/repository/snapshots.ts'
import { putUpkeepRecord } from '../../src/repository/upkeep-records.ts'
import { upkeepSignatory } from '../../src/repository/upkeep-signatory.ts'
import { systemRandom } from '../../src/sealer/random.ts'
import { openLocal } from '../../src/store/local/local-store.ts'
import { digestInName } from '../../src/store/names.ts'
import type { Store } from '../../src/store/store.ts'
import { backupOptions } from '../engine/fixture.ts'
import { namesOf, newSecret, noise, type SecretKey } from '../repositories/sample.ts'
import { leaveLease } from '../substitution/world.ts'

/** So that `large.bin` is one chunk, which is a frame of its own, and all small files are another one. */
const CHUNKER = { minBytes: 2 ** 20, avgBytes: 2 ** 21, maxBytes: 2 ** 22, segmentBytes: 2 ** 28 }

/** What is saved, by the path below the source; the last one in the second snapshot only. */
export const SAVED: Readonly<Record<string, Bytes>> = {
  'a.txt': utf8('alpha'),
  'folder/b.txt': utf8('beta'.repeat(100)),
  'folder/inner/c.bin': noise(3000, 3),
  'large.bin': noise(700_000, 4),
  'later.bin': noise(40_000, 5),
}
const LATER = 'later.bin'

export interface DamagedSample {
  readonly folder: string
  readonly store: Store
  readonly owner: SecretKey
  readonly upkeep: SecretKey
  /** By object name: `data pack 1`, `index 2`. */
  readonly labels: ReadonlyMap<string, string>
  /** The folder that was saved, as it was after the second backup. */
  readonly source: string
}

/** Makes the repository in `folder`/repository. */
export async function makeSample(folder: string): Promise<DamagedSample> {
  const path = join(folder, 'repository')
  const source = join(folder, 'source')
  const store = openLocal({ path, clock: systemClock, create: true })
  const [owner, upkeep] = [newSecret(), newSecret()]
  const making = { random: systemRandom, clock: systemClock }
  await createRepository(store, { ...owner, ...making, chunker: CHUNKER })
  const given = { role: 'upkeep', label: 'upkeep', ...upkeep } as const
  await addGrant(await openRepository(store, owner), { ...given, ...making })
  const repository = await openRepository(store, owner)
  const labels = new Map([[repository.grantName, "owner's grant"]])
  for (const run of [1, 2]) {
    writeSource(source, run)
    await backup({ ...backupOptions({ repository }, source), cacheFolder: join(folder, 'cache') })
    await label(store, { labels, number: run })
  }
  await putRecords(repository)
  await label(store, { labels, number: 1 })
  return { folder: path, store, owner, upkeep, labels, source }
}

function writeSource(source: string, run: number): void {
  for (const [path, content] of Object.entries(SAVED)) {
    if (path === LATER && run === 1) continue
    mkdirSync(dirname(join(source, path)), { recursive: true })
    writeFileSync(join(source, path), content)
  }
}

/** One of each that only upkeep puts, about nothing that changes anything. */
async function putRecords(repository: Repository): Promise<void> {
  const domain = selectDomain(repository)
  const { snapshots } = await loadSnapshots(repository)
  // The other one is held by nothing: what prune makes of it is to be seen.
  const held = snapshots.slice(-1).map(({ name }) => digestInName(name) as Bytes)
  const gone = new Uint8Array(32).fill(1)
  const put = { domain, signatory: upkeepSignatory(repository, domain) }
  await putMark(repository, { ...put, mark: { packs: [gone], snapshots: [], markedMs: 1 } })
  const nobody = {
    snapshot: gone,
    sourceId: gone.slice(16),
    sequence: 1,
    isConfirmed: true,
    predecessor: undefined,
  }
  const record = { snapshots: [{ ...nobody, object: undefined }], forgottenMs: 1 }
  await putUpkeepRecord(repository, { kind: 'forget', domain, record })
  const sighting = { snapshots: [{ snapshot: gone, receivedMs: 1 }], moved: [] }
  await putUpkeepRecord(repository, { kind: 'sighting', domain, record: sighting })
  const hold = { snapshots: held, releases: [], reason: 'proof', heldMs: 1 }
  await putUpkeepRecord(repository, { kind: 'hold', domain, record: hold })
  const renewal = { packs: [gone], renewedMs: 1 }
  await putUpkeepRecord(repository, { kind: 'renewal', domain, record: renewal })
  await putUpkeepRecord(repository, {
    kind: 'loss',
    domain,
    record: { ids: [gone], foundMs: Date.UTC(2026, 0, 2) },
  })
  await leaveLease(repository, domain)
}

async function label(
  store: Store,
  { labels, number }: { readonly labels: Map<string, string>; readonly number: number },
): Promise<void> {
  const counts = new Map<ObjectKind, number>()
  for (const name of await namesOf(store, '')) {
    if (labels.has(name)) continue
    const { kind } = decodePrefix(await store.get(name, { offset: 0, length: 32 }))
    const serial = (counts.get(kind) ?? 0) + 1
    counts.set(kind, serial)
    const of = kind === 'config' || kind === 'keyring' ? Number(name.slice(-8)) : number
    labels.set(name, `${kind} ${of}${of === number && serial > 1 ? `.${serial}` : ''}`)
  }
}

/** The same repository in a folder of its own. */
export function copySample(sample: DamagedSample, folder: string): DamagedSample {
  rmSync(folder, { recursive: true, force: true })
  cpSync(sample.folder, folder, { recursive: true, preserveTimestamps: true })
  return { ...sample, folder, store: openLocal({ path: folder, clock: systemClock }) }
}
