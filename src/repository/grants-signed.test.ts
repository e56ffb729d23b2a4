import { beforeEach, describe, expect, test } from 'vitest'
import { forgeMark } from '../../test/repositories/marks.ts'
import {
  backupFiles,
  newRepository,
  newSecret,
  type SecretKey,
} from '../../test/repositories/sample.ts'
import { putUpkeeps } from '../../test/substitution/world.ts'
import { type Bytes, toHex } from '../base/bytes.ts'
import { systemClock } from '../base/clock.ts'
import { sha256 } from '../base/hash.ts'
import type { Certificate } from '../format/signing.ts'
import { systemRandom } from '../sealer/random.ts'
import { putContent } from '../store/content.ts'
import { digestInName } from '../store/names.ts'
import type { Store } from '../store/store.ts'
import { addGrant, type NewRole } from './grants-add.ts'
import { removeGrant } from './grants-remove.ts'
import { signedBy } from './grants-signed.ts'
import { loadMarks, putMark } from './marks.ts'
import { openRepository, type Repository, selectDomain } from './repository.ts'
import { loadSnapshots, openSnapshot } from './snapshots.ts'
import { loadUpkeepRecords, putUpkeepRecord, type UpkeepKind } from './upkeep-records.ts'

let store: Store
let owner: SecretKey

beforeEach(async () => {
  ;({ store, owner } = await newRepository())
})

const asOwner = () => openRepository(store, owner)

async function give(role: NewRole): Promise<{ name: string; opened: Repository }> {
  const key = newSecret()
  const options = { ...role, ...key, label: role.role, random: systemRandom, clock: systemClock }
  const name = await addGrant(await asOwner(), options)
  return { name, opened: await openRepository(store, key) }
}

const KINDS: readonly UpkeepKind[] = ['forget', 'sighting', 'hold', 'renewal', 'loss']

/** How many records of each kind count, and how many are told as problems. */
async function countRecords(repository: Repository): Promise<readonly (readonly number[])[]> {
  const counts: (readonly number[])[] = []
  for (const kind of KINDS) {
    const { records, problems } = await loadUpkeepRecords(repository, { kind })
    counts.push([records.length, problems.length])
  }
  return counts
}

/** What the newest config says. */
async function accepted(): Promise<readonly string[]> {
  return (await asOwner()).config.revocations.flatMap(({ accepted }) => accepted.map(toHex))
}

describe('a key of upkeep that is removed', () => {
  test('all that it said until then stays, and what it says later does not count', async () => {
    const { name, opened } = await give({ role: 'upkeep' })
    await putUpkeeps(opened, selectDomain(opened))
    await removeGrant(await asOwner(), name)
    const owned = await asOwner()
    expect(await accepted()).toHaveLength(KINDS.length + 1)
    expect(await countRecords(owned)).toEqual(KINDS.map(() => [1, 0]))
    expect((await loadMarks(owned, selectDomain(owned))).packs.size).toBe(1)

    const domain = selectDomain(opened)
    const hash = new Uint8Array(32).fill(9)
    const later = { packs: [hash], snapshots: [], markedMs: 2 }
    await putMark(opened, { domain, signatory: domain.signatory, mark: later })
    await putUpkeepRecord(opened, { kind: 'loss', domain, record: { ids: [hash], foundMs: 2 } })
    const after = await asOwner()
    expect((await countRecords(after)).at(-1)).toEqual([1, 1])
    expect((await loadMarks(after, selectDomain(after))).packs.size).toBe(1)
  })

  test('in all of its domains', async () => {
    await give({ role: 'writer' })
    const { name, opened } = await give({ role: 'upkeep' })
    expect(opened.domains).toHaveLength(2)
    for (const domain of opened.domains) await putUpkeeps(opened, domain)
    await removeGrant(await asOwner(), name)
    const owned = await asOwner()
    expect(await accepted()).toHaveLength(2 * (KINDS.length + 1))
    expect(await countRecords(owned)).toEqual(KINDS.map(() => [2, 0]))
  })

  test('what others said is none of what it signed', async () => {
    const { name, opened } = await give({ role: 'upkeep' })
    const owned = await asOwner()
    await putUpkeeps(owned, selectDomain(owned))
    const mark = { packs: [new Uint8Array(32)], snapshots: [], markedMs: 7 }
    const domain = selectDomain(opened)
    const put = await putMark(opened, { domain, signatory: domain.signatory, mark })
    await removeGrant(owned, name)
    expect(await accepted()).toEqual([toHex(digestInName(put) as Bytes)])
    expect(await countRecords(await asOwner())).toEqual(KINDS.map(() => [1, 0]))
  })
})

test('what a writer put in the place of a mark does not become one', async () => {
  const { name, opened } = await give({ role: 'writer', domain: 'default' })
  const domain = selectDomain(opened)
  const signed = { packs: [new Uint8Array(32)], snapshots: [] }
  const object = forgeMark(opened, { domain, signatory: domain.signatory, signed })
  await putContent(store, { folder: 'marks', parts: [object] })
  await removeGrant(await asOwner(), name)
  expect(await accepted()).toEqual([])
})

describe('a snapshot that was forgotten before its writer was removed', () => {
  /** Saves a snapshot and forgets it; returns its bytes. */
  async function forgetSaved(writer: Repository): Promise<Bytes> {
    const { snapshot: name } = await backupFiles(writer, { files: { a: 'alpha' } })
    const object = await store.get(name as string)
    const owned = await asOwner()
    const found = (await loadSnapshots(owned)).snapshots.find((one) => one.name === name)
    if (found === undefined) throw new Error('nothing was saved')
    const { sourceId, sequence } = found.summary
    const snapshot = digestInName(found.name) as Bytes
    const forgotten = {
      snapshot,
      sourceId,
      sequence,
      isConfirmed: true,
      predecessor: undefined,
      object,
    }
    const record = { snapshots: [forgotten], forgottenMs: 1 }
    await putUpkeepRecord(owned, { kind: 'forget', domain: selectDomain(owned), record })
    await store.remove(found.name)
    return object
  }

  test('can be had back from the forget record', async () => {
    const { name, opened } = await give({ role: 'writer', domain: 'default' })
    await forgetSaved(opened)
    await removeGrant(await asOwner(), name)
    const owned = await asOwner()
    const { records } = await loadUpkeepRecords(owned, { kind: 'forget' })
    const [kept] = records[0]?.record.snapshots ?? []
    const stored = { object: kept?.object as Bytes, objectHash: kept?.snapshot as Bytes }
    const { certificate } = openSnapshot(owned, { ...stored, domain: selectDomain(owned) })
    expect(certificate.label).toBe('writer')
  })

  test('of a version that is not known yet keeps nobody from removing a key', async () => {
    const { name, opened } = await give({ role: 'writer', domain: 'default' })
    const object = (await forgetSaved(opened)).slice()
    object[7] = 2
    const owned = await asOwner()
    const domain = selectDomain(owned)
    const forgotten = { snapshot: sha256(object), sourceId: object.slice(0, 16), sequence: 9 }
    const snapshots = [{ ...forgotten, isConfirmed: true, predecessor: undefined, object }]
    await putUpkeepRecord(owned, { kind: 'forget', domain, record: { snapshots, forgottenMs: 2 } })
    await removeGrant(await asOwner(), name)
    expect(await accepted()).toContain(toHex(sha256(object)))
  })

  test('is among what its writer signed by the hash of its bytes, whatever the record calls it', async () => {
    const { opened } = await give({ role: 'writer', domain: 'default' })
    const object = await forgetSaved(opened)
    const owned = await asOwner()
    const { id } = certificateIn(owned, object)
    const [record] = (await loadUpkeepRecords(owned, { kind: 'forget' })).records
    const [kept] = record?.record.snapshots ?? []
    const lied = { ...(kept as NonNullable<typeof kept>), snapshot: new Uint8Array(32).fill(1) }
    const domain = selectDomain(owned)
    const again = { snapshots: [lied], forgottenMs: 2 }
    await putUpkeepRecord(owned, { kind: 'forget', domain, record: again })
    const names = (await signedBy(owned, id)).names.map(toHex)
    expect(names).toContain(toHex(sha256(object)))
    expect(names).not.toContain(toHex(lied.snapshot))
    expect(new Set(names).size).toBe(names.length)
  })
})

function certificateIn(repository: Repository, object: Bytes): Certificate {
  const domain = selectDomain(repository)
  return openSnapshot(repository, { domain, object, objectHash: new Uint8Array(32) }).certificate
}
