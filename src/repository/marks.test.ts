import { beforeEach, describe, expect, test } from 'vitest'
import { forgeMark } from '../../test/repositories/marks.ts'
import {
  flipBit,
  namesOf,
  newRepository,
  newSecret,
  type SecretKey,
} from '../../test/repositories/sample.ts'
import { type Bytes, concat } from '../base/bytes.ts'
import { systemClock } from '../base/clock.ts'
import { MARKED_NAMES_MAX } from '../format/limits.ts'
import { systemRandom } from '../sealer/random.ts'
import { putContent } from '../store/content.ts'
import { decorate } from '../store/decorate.ts'
import { contentName, digestInName } from '../store/names.ts'
import type { Store } from '../store/store.ts'
import type { DomainAccess } from './access.ts'
import { addGrant, type NewRole } from './grants-add.ts'
import { loadMarks, loadMarksOf, type Mark, openMark, putMark } from './marks.ts'
import { openRepository, type Repository, selectDomain } from './repository.ts'
import { upkeepSignatory } from './upkeep-signatory.ts'

let store: Store
let owner: SecretKey
let repository: Repository
let domain: DomainAccess

beforeEach(async () => {
  ;({ store, owner } = await newRepository())
  repository = await openRepository(store, owner)
  domain = selectDomain(repository)
})

const hash = (byte: number) => new Uint8Array(32).fill(byte)
const packName = (byte: number) => contentName('packs', hash(byte))
const MARK: Mark = { packs: [hash(1), hash(2)], snapshots: [hash(3)], markedMs: 1234 }

async function openAs(role: NewRole): Promise<Repository> {
  const key = newSecret()
  const options = { ...role, ...key, label: role.role, random: systemRandom, clock: systemClock }
  await addGrant(repository, options)
  return openRepository(store, key)
}

function put(by: Repository, mark = MARK, of = selectDomain(by, 'default')): Promise<string> {
  return putMark(by, { domain: of, signatory: upkeepSignatory(by, of), mark })
}

async function openStored(name: string): Promise<Mark> {
  const object = await store.get(name)
  return openMark(repository, { domain, object, objectHash: digestInName(name) })
}

describe.each(['owner', 'upkeep'] as const)('a mark of %s', (role) => {
  test('is what was marked, to everybody who holds the domain', async () => {
    const by = role === 'owner' ? repository : await openAs({ role })
    const name = await put(by)
    expect(await openStored(name)).toEqual(MARK)
    const writer = await openAs({ role: 'writer', domain: 'default' })
    for (const one of [repository, writer]) {
      const { packs, snapshots } = await loadMarks(one, selectDomain(one, 'default'))
      expect([...packs].sort()).toEqual([packName(1), packName(2)])
      expect([...snapshots]).toEqual([contentName('snapshots', hash(3))])
    }
  })
})

test('the names of a mark can be read without any key', async () => {
  const object = await store.get(await put(repository))
  expect(object.subarray(32, 40)).toEqual(Uint8Array.of(2, 0, 0, 0, 1, 0, 0, 0))
  expect(object.subarray(40, 136)).toEqual(concat([hash(1), hash(2), hash(3)]))
})

test('several marks are one', async () => {
  await put(repository)
  await put(repository, { packs: [hash(9)], snapshots: [], markedMs: 1 })
  const { packs } = await loadMarks(repository, domain)
  expect([...packs].sort()).toEqual([packName(1), packName(2), packName(9)])
})

test('a mark of another domain marks nothing in ours, and is told apart where both are asked for', async () => {
  await openAs({ role: 'writer' })
  const both = await openRepository(store, owner)
  const [ours, theirs] = both.domains as [DomainAccess, DomainAccess]
  await put(both, MARK, theirs)
  expect((await loadMarks(both, ours)).packs.size).toBe(0)
  const [none, some] = await loadMarksOf(both, [ours, theirs])
  expect(none?.packs.size).toBe(0)
  expect(some?.packs.size).toBe(2)
})

describe('names that a store swaps under an authentic envelope', () => {
  const OTHERS = { packs: [hash(1), hash(8)], snapshots: [hash(3)] }

  function forge(open: { readonly packs: readonly Bytes[]; readonly snapshots: readonly Bytes[] }) {
    const signatory = upkeepSignatory(repository, domain)
    return forgeMark(repository, { domain, signatory, signed: MARK, open })
  }

  test.each([
    ['another pack', OTHERS],
    ['a pack less', { ...MARK, packs: [hash(1)] }],
    ['a pack more', { ...MARK, packs: [...MARK.packs, hash(8)] }],
    ['another order', { ...MARK, packs: [hash(2), hash(1)] }],
    ['a snapshot for a pack', { packs: [hash(1)], snapshots: [hash(2), hash(3)] }],
    ['nothing', { packs: [], snapshots: [] }],
  ])('are refused as damaged: %s', (_, open) => {
    const object = forge(open)
    expect(() => openMark(repository, { domain, object, objectHash: undefined })).toThrow(
      expect.objectContaining({ code: 'object-damaged' }),
    )
    // It is the names that are wrong, and nothing else.
    const right = { domain, object: forge(MARK), objectHash: undefined }
    expect(openMark(repository, right).packs).toEqual(MARK.packs)
  })

  test('mark nothing under a name that is right for them', async () => {
    await putContent(store, { folder: 'marks', parts: [forge(OTHERS)] })
    expect((await loadMarks(repository, domain)).packs.size).toBe(0)
  })

  test('stop the work under the name of the mark', async () => {
    const name = await put(repository)
    // The last byte of the second pack's name.
    await flipBit(store, { name, offset: 32 + 8 + 63 })
    await expect(loadMarks(repository, domain)).rejects.toMatchObject({ code: 'object-damaged' })
    const told: string[] = []
    const marked = await loadMarks(repository, domain, (problem) => told.push(problem.name))
    expect(told).toEqual([name])
    expect(marked.packs.size).toBe(0)
  })
})

describe('a mark that a writer signs', () => {
  test('is not put', async () => {
    const writer = await openAs({ role: 'writer', domain: 'default' })
    const own = selectDomain(writer)
    const putting = putMark(writer, { domain: own, signatory: own.signatory, mark: MARK })
    await expect(putting).rejects.toMatchObject({ code: 'object-foreign' })
    expect(await namesOf(store, 'marks/')).toEqual([])
  })

  test('marks nothing where it is found', async () => {
    const writer = await openAs({ role: 'writer', domain: 'default' })
    const own = selectDomain(writer)
    const object = forgeMark(writer, { domain: own, signatory: own.signatory, signed: MARK })
    await putContent(store, { folder: 'marks', parts: [object] })
    for (const one of [repository, writer])
      expect((await loadMarks(one, selectDomain(one, 'default'))).packs.size).toBe(0)
  })
})

test('a mark that is gone when it is read marks nothing, and stops nothing', async () => {
  const name = await put(repository)
  const swept = decorate(store, {
    get: async (one, range) => {
      if (one === name) await store.remove(one)
      return store.get(one, range)
    },
  })
  expect((await loadMarks({ ...repository, store: swept }, domain)).packs.size).toBe(0)
})

test('a mark of more names than a reader takes is not put', async () => {
  const all = Array<Bytes>(MARKED_NAMES_MAX).fill(hash(1))
  const longest = { packs: all, snapshots: all, markedMs: 1 }
  await expect(put(repository, longest)).rejects.toThrow('longer than any may be')
  const tooMany = { packs: [...all, hash(1)], snapshots: [], markedMs: 1 }
  await expect(put(repository, tooMany)).rejects.toMatchObject({ code: 'object-damaged' })
  expect(await namesOf(store, 'marks/')).toEqual([])
})
