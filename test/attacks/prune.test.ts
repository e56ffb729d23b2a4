// Attacks on what others have stored, with a writer's key of the same domain and the rights of a writer in the
// store: whatever it puts, the owner's prune deletes nothing that a snapshot of another needs, and says what
// it saw.

import { beforeEach, describe, expect, test } from 'vitest'
import { type Bytes, concat, fromHex, utf8 } from '../../src/base/bytes.ts'
import type { BlobId } from '../../src/format/ids.ts'
import { KIND, PREFIX_BYTES } from '../../src/format/prefix.ts'
import { leaseCodec } from '../../src/format/records.ts'
import { HeldLease, leaseName } from '../../src/repository/lease.ts'
import { putMark } from '../../src/repository/marks.ts'
import { sealRecord } from '../../src/repository/open-record.ts'
import { putOrigin } from '../../src/repository/origins.ts'
import { readPackHeader } from '../../src/repository/pack-headers.ts'
import { selectDomain } from '../../src/repository/repository.ts'
import { putReceipt } from '../../src/repository/snapshots.ts'
import { putUpkeepRecord } from '../../src/repository/upkeep-records.ts'
import { upkeepSignatory } from '../../src/repository/upkeep-signatory.ts'
import { systemRandom } from '../../src/sealer/random.ts'
import { beginSession } from '../../src/sealer/session.ts'
import { putContent } from '../../src/store/content.ts'
import { CONTENT_FOLDERS, contentName, digestInName } from '../../src/store/names.ts'
import { CraftedTrees } from '../repositories/crafted.ts'
import { forgetLongAgo } from '../repositories/forgotten.ts'
import { forgeMark } from '../repositories/marks.ts'
import { putPack, putSegment } from '../repositories/packs.ts'
import { namesOf, noise } from '../repositories/sample.ts'
import { DAY_MS, HOUR_MS, notesIn, obstaclesIn, Siege } from './siege.ts'

let siege: Siege
/** Snapshots of the victim that must stay. */
let saved: string[]
/** Receipts of these. */
let before: readonly string[]

beforeEach(async () => {
  siege = await Siege.begin()
  saved = [await siege.save(['one', 'two']), await siege.save(['two', 'three'])]
  before = await namesOf(siege.store, 'receipts/')
})

/** Ids of all blobs in the victim's packs, with the kind of pack. */
async function victimsBlobs(): Promise<
  readonly {
    readonly kind: 'data-pack' | 'tree-pack'
    readonly id: BlobId
    readonly refs: readonly BlobId[]
  }[]
> {
  const { store, domain } = siege
  const blobs = []
  for await (const { name, size } of store.list('packs/')) {
    const read = await readPackHeader(store, { name, packBytes: size }, [domain])
    if (read === undefined) continue
    const { ids, refCounts, refs } = read.header
    let at = 0
    for (let i = 0; i < ids.length / 32; i++) {
      const count = refCounts[i] ?? 0
      const own = Array.from({ length: count }, (_, j) => slice(refs, at + j))
      at += count
      blobs.push({ kind: read.indexed.kind, id: slice(ids, i), refs: own })
    }
  }
  return blobs
}

function slice(ids: Bytes, at: number): BlobId {
  return ids.slice(32 * at, 32 * at + 32) as BlobId
}

const attackersPacks = async (blobs: Awaited<ReturnType<typeof victimsBlobs>>) => {
  const domain = selectDomain(siege.attacker)
  const keys = beginSession(domain.scope, domain.latest)
  const packs = []
  for (const { kind, id, refs } of blobs)
    packs.push(
      await putPack(siege.attacker, {
        kind,
        blobs: [{ blob: utf8('not what it says'), id, refs }],
        domain,
        keys,
      }),
    )
  return packs
}

describe('lies about blobs', () => {
  test('packs that claim to have everything do not take the place of what was there first', async () => {
    siege.nowMs += HOUR_MS
    await attackersPacks(await victimsBlobs())
    // Something is wasted, so that packs are moved and chosen.
    for (let day = 0; day < 3; day++) {
      await siege.prune(2)
      expect(await siege.lost(saved)).toEqual([])
    }
  })

  test('not where frames of the victim are moved either, with the lie between the two', async () => {
    const wasted = await siege.save(['two', 'four', 'five'])
    await attackersPacks(await victimsBlobs())
    await forget(wasted)
    siege.nowMs += 8 * DAY_MS
    for (let day = 0; day < 4; day++) {
      await siege.prune(2)
      expect(await siege.lost(saved)).toEqual([])
    }
  })

  test('nor where they come when what they are about has been marked', async () => {
    const packs = await namesOf(siege.store, 'packs/')
    const { owner, domain } = siege
    const mark = { packs: packs.map((name) => digestInName(name) as Bytes), snapshots: [] }
    const signatory = upkeepSignatory(owner, domain)
    await putMark(owner, { domain, signatory, mark: { ...mark, markedMs: siege.nowMs } })
    siege.nowMs += HOUR_MS
    await attackersPacks(await victimsBlobs())
    for (let day = 0; day < 3; day++) {
      await siege.prune(1)
      expect(await siege.lost(saved)).toEqual([])
    }
    const left = await namesOf(siege.store, 'packs/')
    expect(packs.filter((name) => left.includes(name))).toEqual([])
  })

  test('an index that says that blobs are elsewhere is not believed', async () => {
    const packs = await attackersPacks(await victimsBlobs())
    const domain = selectDomain(siege.attacker)
    await putSegment(siege.attacker, { domain, packs })
    await siege.prune(4)
    expect(await siege.lost(saved)).toEqual([])
  })

  test('a tree that is stored again and says that it needs nothing makes nothing unneeded', async () => {
    const trees = (await victimsBlobs()).filter(({ kind }) => kind === 'tree-pack')
    await attackersPacks(trees.map((tree) => ({ ...tree, refs: [] })))
    await siege.prune(4)
    expect(await siege.lost(saved)).toEqual([])
  })

  test('the same before the victim: what both say is needed', async () => {
    const trees = new CraftedTrees(siege.victim)
    const coming = trees.entries(trees.file('file-0', 'six'))
    await attackersPacks([{ kind: 'tree-pack', id: coming, refs: [] }])
    const { snapshot } = await trees.commit(coming, 'victim')
    await siege.prune(4)
    expect(await siege.lost([...saved, snapshot])).toEqual([])
  })

  test('a snapshot that needs what nobody has stops deleting, and is named', async () => {
    const trees = new CraftedTrees(siege.attacker)
    const nowhere = siege.domain.idOf('data', utf8('nowhere'))
    const root = trees.encoded(utf8('a tree of lies'), [nowhere])
    await trees.commit(root, 'attacker')
    const results = await siege.prune(3)
    expect(obstaclesIn(results)[0]).toContain('no pack has it')
    expect(results.every(({ swept }) => swept.every((one) => one.removedPacks === 0))).toBe(true)
    expect(await siege.lost(saved)).toEqual([])
  })
})

test('a receipt of what never was stops deleting, and is named, until that is given up', async () => {
  const domain = selectDomain(siege.attacker)
  const snapshot = systemRandom(32)
  const receipt = { snapshot, sessionId: systemRandom(16), confirmedMs: siege.nowMs }
  await putReceipt(siege.attacker, { domain, receipt })
  const dead = await deadPack()
  const results = await siege.prune(3)
  expect(obstaclesIn(results)[0]).toContain('tells of it, and nobody forgot it')
  expect(await namesOf(siege.store, 'packs/')).toContain(dead)
  const foundMs = siege.nowMs
  await putUpkeepRecord(siege.owner, {
    kind: 'loss',
    domain: siege.domain,
    record: { ids: [snapshot], foundMs },
  })
  expect(obstaclesIn((await siege.prune(3)).slice(-1))).toEqual([])
  expect(await namesOf(siege.store, 'packs/')).not.toContain(dead)
  expect(await siege.lost(saved)).toEqual([])
})

test('one that nobody ever confirmed stands in the way for a month and no longer', async () => {
  const trees = new CraftedTrees(siege.attacker)
  const nowhere = siege.domain.idOf('data', utf8('nowhere'))
  await trees.commit(trees.encoded(utf8('a tree of lies'), [nowhere]), 'attacker')
  const receipts = await namesOf(siege.store, 'receipts/')
  // Of a run that was suspended for so long that its packs were gone, and then ended.
  await siege.store.remove(receipts.find((name) => !before.includes(name)) as string)
  const dead = await deadPack()
  const early = await siege.prune(20)
  expect(obstaclesIn(early)).not.toEqual([])
  expect(await namesOf(siege.store, 'packs/')).toContain(dead)
  const late = await siege.prune(20)
  expect(obstaclesIn(late.slice(-1))).toEqual([])
  expect(await namesOf(siege.store, 'packs/')).not.toContain(dead)
  expect(await siege.lost(saved)).toEqual([])
})

describe('marks and leases', () => {
  test('a mark that a writer signed marks nothing, for nobody', async () => {
    const { domain } = siege
    const packs = (await namesOf(siege.store, 'packs/')).map((name) => digestInName(name) as Bytes)
    const snapshots = saved.map((id) => fromHex(id) as Bytes)
    const { signatory } = selectDomain(siege.attacker)
    const signed = { packs, snapshots }
    const mark = forgeMark(siege.attacker, { domain, signatory, signed })
    await putContent(siege.attacker.store, { folder: 'marks', parts: [mark] })
    const results = await siege.prune(3)
    expect(await siege.lost(saved)).toEqual([])
    expect(results.every(({ swept }) => swept.every((one) => one.removedPacks === 0))).toBe(true)
  })

  test('a session that never ends delays deleting by two weeks and no more', async () => {
    await deadPack()
    const lease = await eternalSession()
    const before = await namesOf(siege.store, 'packs/')
    for (let day = 0; day < 40; day++) {
      await siege.prune(1)
      await lease.storeNowMs()
    }
    await lease.release()
    const after = await namesOf(siege.store, 'packs/')
    expect(after.length).toBe(before.length - 1)
    expect(await siege.lost(saved)).toEqual([])
  })

  test.each(['upkeep', 'repair'] as const)(
    'nor keeps a mark by saying that it is at %s',
    async (purpose) => {
      await deadPack()
      const repository = siege.attacker
      const domain = selectDomain(repository)
      const sessionId = systemRandom(16)
      const record = { sessionId, number: 1, purpose, host: 'a', renewedMs: 1 }
      const asWriter = { domain, kind: 'lease', signatory: domain.signatory } as const
      const parts = sealRecord(repository, { ...asWriter, codec: leaseCodec, record })
      await siege.prune(1)
      siege.nowMs += 25 * HOUR_MS
      await siege.store.put(leaseName(sessionId, 1), parts)
      const results = await siege.prune(1)
      expect(results[0]?.swept.map(({ removedMarks }) => removedMarks)).toContain(1)
      expect(await namesOf(siege.store, 'marks/')).toEqual([])
      expect(notesIn(results)).toContain(leaseName(sessionId, 1))
    },
  )

  test('nor says for ever that this is a copy, of something that has it all', async () => {
    const dead = await deadPack()
    const say = (name: string) =>
      putOrigin(siege.store, {
        packs: [{ name, size: 1, storedAtMs: 1 }],
        isOfCopy: false,
        nowMs: 1e15,
      })
    await say(dead)
    await siege.store.put(`origins/${'0'.repeat(64)}`, [Uint8Array.of(1)])
    const [held] = await siege.prune(1)
    expect(held?.plan.domains.map(({ mark }) => mark.originPacks)).toContain(1)
    expect(held?.marks).toEqual([])
    await siege.prune(2, { alone: true })
    expect(await namesOf(siege.store, 'packs/')).not.toContain(dead)
    expect(await namesOf(siege.store, 'origins/')).toEqual([])
    await say(await deadPack())
    siege.nowMs += 101 * DAY_MS
    expect((await siege.prune(1))[0]?.marks).toHaveLength(1)
    expect(await siege.lost(saved)).toEqual([])
  })

  test('a mark that waits for a session says which', async () => {
    await deadPack()
    const lease = await eternalSession()
    siege.nowMs += 15 * DAY_MS
    await lease.storeNowMs()
    const [first] = await siege.prune(1)
    expect(first?.marks).toHaveLength(1)
    await lease.storeNowMs()
    const [second] = await siege.prune(1)
    const waiting = second?.plan.domains.flatMap(({ sweep }) => sweep.waiting)
    expect(waiting?.map(({ session }) => session?.label)).toEqual(['attacker'])
    await lease.release()
  })
})

describe('junk', () => {
  test('in every folder it is passed over', async () => {
    for (const folder of CONTENT_FOLDERS)
      await putContent(siege.attacker.store, { folder, parts: [noise(500, folder.length)] })
    await deadPack()
    const results = await siege.prune(3)
    expect(obstaclesIn(results)).toEqual([])
    expect(notesIn(results)).not.toEqual([])
    expect(await siege.lost(saved)).toEqual([])
    expect(results.some(({ swept }) => swept.some((one) => one.removedPacks === 1))).toBe(true)
  })

  test.each(['packs', 'snapshots', 'receipts', 'forgets'] as const)(
    'of an unknown version in %s stops all deleting, and is named',
    async (folder) => {
      await deadPack()
      const parts = [ofVersion(9, folder)]
      const name = await putContent(siege.attacker.store, { folder, parts })
      const results = await siege.prune(3)
      expect(obstaclesIn(results).some((line) => line.startsWith(name))).toBe(true)
      expect(results.every(({ swept }) => swept.every((one) => one.removedPacks === 0))).toBe(true)
      expect(await siege.lost(saved)).toEqual([])
    },
  )

  test('of an unknown version in marks/ stops the run', async () => {
    await putContent(siege.attacker.store, { folder: 'marks', parts: [ofVersion(9, 'marks')] })
    await expect(siege.prune(1)).rejects.toMatchObject({ code: 'unsupported' })
    expect(await siege.lost(saved)).toEqual([])
  })

  test('that is huge is not read as a whole', async () => {
    await putContent(siege.attacker.store, {
      folder: 'snapshots',
      parts: [new Uint8Array(40 * 1024 * 1024)],
    })
    await siege.prune(1)
    expect(await siege.lost(saved)).toEqual([])
  })
})

const FIRST_KINDS = {
  packs: 'data-pack',
  snapshots: 'snapshot',
  receipts: 'receipt',
  forgets: 'forget',
  marks: 'mark',
} as const

function ofVersion(version: number, folder: keyof typeof FIRST_KINDS): Bytes {
  const bytes = concat([utf8('cairn\n'), new Uint8Array(200)])
  bytes[6] = KIND[FIRST_KINDS[folder]]
  bytes[7] = version
  bytes[8] = 1
  bytes.set(siege.domain.id, 12)
  expect(bytes.length).toBeGreaterThan(PREFIX_BYTES)
  return bytes
}

/** A pack that nobody needs, put by the victim. */
async function deadPack(): Promise<string> {
  const domain = selectDomain(siege.victim)
  const keys = beginSession(domain.scope, domain.latest)
  const blob = utf8(`nobody needs this ${siege.nowMs}`)
  const blobs = [{ blob, id: domain.idOf('data', blob) }]
  const pack = await putPack(siege.victim, { kind: 'data-pack', blobs, domain, keys })
  return contentName('packs', pack.indexed.hash)
}

function eternalSession(): Promise<HeldLease> {
  const repository = siege.attacker
  return HeldLease.take({
    repository,
    domain: selectDomain(repository),
    sessionId: systemRandom(16),
    purpose: 'backup',
    host: 'attacker',
    clock: siege.clock,
    onProblem: () => undefined,
  })
}

/** Long enough ago that nobody can have it back. */
function forget(id: string): Promise<void> {
  return forgetLongAgo(siege.owner, { name: `snapshots/${id}`, nowMs: siege.nowMs })
}
