// Any flipped bit anywhere in any object: check names the object, and readers give back what was stored
// or say that they cannot. Every byte of small objects is tried, and hundreds of places in packs.

import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Bytes, equalBytes, fromUtf8Lossy, toHex } from '../../src/base/bytes.ts'
import { CairnError, type ErrorCode } from '../../src/base/errors.ts'
import { sha256 } from '../../src/base/hash.ts'
import { BlobReader } from '../../src/engine/blob-reader.ts'
import { checkMetadata } from '../../src/engine/check/metadata-objects.ts'
import { OpenedObjects } from '../../src/engine/check/opened-objects.ts'
import { PackChecker } from '../../src/engine/check/pack-check.ts'
import { Findings } from '../../src/engine/check/problems.ts'
import { check } from '../../src/engine/check.ts'
import { walkTree } from '../../src/engine/tree-reader.ts'
import { blobId } from '../../src/format/ids.ts'
import { configName, keyringName } from '../../src/repository/generations.ts'
import { loadIndex } from '../../src/repository/index-load.ts'
import { putOrigin } from '../../src/repository/origins.ts'
import { openRepository, type Repository } from '../../src/repository/repository.ts'
import { loadSnapshots, openDetails } from '../../src/repository/snapshots.ts'
import { decorate } from '../../src/store/decorate.ts'
import { FOLDERS } from '../../src/store/names.ts'
import { seededRandom } from '../../src/store/seeded-random.ts'
import type { Store } from '../../src/store/store.ts'
import { flipBit, namesOf } from '../repositories/sample.ts'
import { copyStore, makeWorld, type World } from './world.ts'

let world: World
let repository: Repository
let names: readonly string[]

beforeAll(async () => {
  world = await makeWorld()
  repository = await openRepository(world.stores[0], world.owner)
  const [store] = world.stores
  await putOrigin(store, { packs: [], isOfCopy: false, nowMs: 1 })
  names = await namesOf(store, '')
})

const FLIPS_PER_PACK = 400
const random = seededRandom(7)

function flipped(bytes: Bytes, offset: number): Bytes {
  const copy = bytes.slice()
  copy[offset] = (copy[offset] as number) ^ (1 << Math.floor(8 * random()))
  return copy
}

/** What check says of one object of metadata when its bytes are these. */
async function problemsWith(name: string, bytes: Bytes): Promise<readonly string[]> {
  const { store } = repository
  const info = { name, size: bytes.length, storedAtMs: 0 }
  const only: Store = decorate(store, {
    get: () => Promise.resolve(bytes),
    async *list(prefix) {
      if (name.startsWith(prefix)) yield await Promise.resolve(info)
    },
  })
  const findings = new Findings(() => undefined)
  await checkMetadata({
    repository: { ...repository, store: only },
    findings,
    opened: new OpenedObjects(),
    signal: new AbortController().signal,
    onObject: () => undefined,
  })
  return findings.problems.map(({ object }) => object)
}

/** Nothing puts anything into quarantine yet. */
const METADATA = FOLDERS.filter((folder) => folder !== 'packs' && folder !== 'quarantine')

describe.each(METADATA)('%s', (folder) => {
  test('check sees every byte that is flipped', async () => {
    const own = names.filter((name) => name.startsWith(`${folder}/`))
    expect(own.length).toBeGreaterThan(0)
    for (const name of own) {
      const bytes = await repository.store.get(name)
      expect(await problemsWith(name, bytes)).toEqual([])
      for (let offset = 0; offset < bytes.length; offset++) {
        const found = await problemsWith(name, flipped(bytes, offset))
        if (found[0] !== name) throw new Error(`a flip at ${offset} of ${name} was not seen`)
      }
      expect(await problemsWith(name, bytes.slice(0, -1))).toEqual([name])
    }
  })
})

describe('packs', () => {
  test('check sees every flip, and where a frame is hit it says which', async () => {
    const checker = new PackChecker(repository.domains)
    for (const name of names.filter((one) => one.startsWith('packs/'))) {
      const bytes = await repository.store.get(name)
      expect(checker.check({ name, bytes: bytes.slice() }).problems).toEqual([])
      for (let i = 0; i < FLIPS_PER_PACK; i++) {
        const offset = Math.floor(random() * bytes.length)
        const { problems, lostIds } = checker.check({ name, bytes: flipped(bytes, offset) })
        expect(problems.length, `a flip at ${offset} of ${name}`).toBeGreaterThan(0)
        expect(problems.every(({ object }) => object === name)).toBe(true)
        if (lostIds.length > 0)
          expect(problems.some((problem) => (problem.offset ?? offset + 1) <= offset)).toBe(true)
      }
    }
  })

  test('the whole check names the pack', async () => {
    for (const name of names.filter((one) => one.startsWith('packs/')).slice(0, 2)) {
      const store = await copyStore(world.stores[0])
      const { length } = await store.get(name)
      await flipBit(store, { name, offset: Math.floor(length * 0.6), bit: 3 })
      const result = await check({
        repository: await openRepository(store, world.owner),
        mode: 'read-data',
        workers: 1,
        signal: new AbortController().signal,
        onProgress: () => undefined,
        onProblem: () => undefined,
      })
      expect(new Set(result.problems.map(({ object }) => object))).toEqual(new Set([name]))
    }
  })
})

/** Everything that can be read: ids of snapshots, details, paths and the hashes of their contents. */
async function readAll(store: Store, told: string[] = []): Promise<readonly string[]> {
  const opened = await openRepository(store, world.owner)
  told.push(...opened.skipped.map(({ name }) => name))
  const { snapshots, problems } = await loadSnapshots(opened)
  told.push(...problems.map(({ name }) => name))
  const lines: string[] = []
  for (const snapshot of snapshots) {
    lines.push(`${snapshot.id} ${openDetails(opened, snapshot).host} ${snapshot.confirmed}`)
    const index = await loadIndex(opened, snapshot.domain)
    told.push(...index.problems.map(({ name }) => name))
    const reader = new BlobReader({ store, domain: snapshot.domain, index })
    const root = blobId(snapshot.summary.roots[0] as Bytes)
    const onError = (_names: unknown, error: unknown) => {
      throw error
    }
    for await (const { names: path, entry } of walkTree(reader, { root, onError })) {
      let content = ''
      for (const piece of entry.pieces ?? [])
        content += toHex(sha256(await reader.read('data', piece.id)))
      lines.push(`${path.map(fromUtf8Lossy).join('/')} ${entry.mode} ${content}`)
    }
  }
  return lines
}

const ACCEPTABLE: readonly ErrorCode[] = [
  'object-damaged',
  'object-foreign',
  'object-missing',
  'unsupported',
  'not-permitted',
  'wrong-passphrase',
]

function expectNamed(
  { name, offset }: { readonly name: string; readonly offset: number },
  said: readonly string[],
): void {
  const isNamed = said.some((text) => text.includes(name))
  if (!isNamed) throw new Error(`a flip at ${offset} of ${name} only said: ${said.join('; ')}`)
}

/** All bits of the bytes that say what an object is, and some of those behind them. */
function placesIn(bytes: Bytes): readonly { readonly offset: number; readonly bit: number }[] {
  const places = Array.from({ length: 8 * 32 }, (_, i) => ({ offset: i >> 3, bit: i & 7 }))
  for (let i = 0; i < 30; i++)
    places.push({ offset: Math.floor(random() * bytes.length), bit: i & 7 })
  return places
}

describe('opening', () => {
  /** What is said where the repository is opened with these bytes in the place of an object. */
  async function openingWith(name: string, bytes: Bytes): Promise<readonly string[]> {
    const inner = world.stores[0]
    const store = decorate(inner, {
      get: (one, range) => (one === name ? Promise.resolve(bytes) : inner.get(one, range)),
    })
    try {
      return (await openRepository(store, world.owner)).skipped.map((skipped) => skipped.name)
    } catch (error) {
      if (!(error instanceof CairnError) || !ACCEPTABLE.includes(error.code)) throw error
      if (error.code === 'unsupported') expect(error.hint).toContain('flipped bit')
      return [error.message]
    }
  }

  test('names the object whatever bit of it is flipped, be it of a version or a kind', async () => {
    const { config, ownership, grantName } = repository
    const used = [
      configName(config.generation),
      keyringName(ownership?.keyring.generation as number),
      grantName,
    ]
    for (const name of used) {
      const bytes = await repository.store.get(name)
      expect(await openingWith(name, bytes)).toEqual([])
      for (const { offset, bit } of placesIn(bytes)) {
        const copy = bytes.slice()
        copy[offset] = (copy[offset] as number) ^ (1 << bit)
        expectNamed({ name, offset }, await openingWith(name, copy))
      }
    }
  })

  test('tells a grant that is not what its name says from one of a later version', async () => {
    const name = repository.grantName
    const bytes = (await repository.store.get(name)).slice()
    bytes[7] = 3
    const [said = ''] = await openingWith(name, bytes)
    expect(said).toContain(`${name}: the SHA-256 of its bytes is not its name`)
  })
})

describe('readers', () => {
  let store: Store
  let right: readonly string[]

  beforeEach(async () => {
    store = await copyStore(world.stores[0])
    right = await readAll(store)
  })

  /**
   * Reads with one bit flipped: gives what is right, less what is told, or throws what is acceptable. Whatever
   * differs, the object is named.
   */
  async function expectTruth(name: string, offset: number): Promise<void> {
    const before = await flipBit(store, { name, offset, bit: Math.floor(8 * random()) })
    const told: string[] = []
    try {
      const lines = await readAll(store, told)
      for (const line of lines) {
        if (!line.endsWith(' false') && !right.includes(line))
          throw new Error(`a flip at ${offset} of ${name} gave ${line}`)
      }
      if (!right.every((line) => lines.includes(line))) expectNamed({ name, offset }, told)
    } catch (error) {
      if (!(error instanceof CairnError) || !ACCEPTABLE.includes(error.code)) throw error
      expectNamed({ name, offset }, [...told, error.message])
    }
    await store.remove(name)
    await store.put(name, [before])
  }

  test('tell the truth or say that they cannot, whatever bit is flipped', async () => {
    for (const name of names) {
      const { length } = await store.get(name)
      for (let i = 0; i < 12; i++) await expectTruth(name, Math.floor(random() * length))
    }
    expect(await readAll(store)).toEqual(right)
    expect(
      equalBytes(
        await store.get(names[0] as string),
        await world.stores[0].get(names[0] as string),
      ),
    ).toBe(true)
  })
})
