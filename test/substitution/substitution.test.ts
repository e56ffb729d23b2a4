// A store that swaps things: objects of another repository or of another domain in the place of ours, under
// names that are right for their bytes, also where the owner uses one secret for both. Each must be
// refused, with the code that says why, and must not keep us from what is ours.

import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Bytes, equalBytes } from '../../src/base/bytes.ts'
import { isCairnError } from '../../src/base/errors.ts'
import { sha256 } from '../../src/base/hash.ts'
import { BlobReader } from '../../src/engine/blob-reader.ts'
import type { ProblemKind } from '../../src/engine/check/problems.ts'
import { type CheckResult, check } from '../../src/engine/check.ts'
import { walkTree } from '../../src/engine/tree-reader.ts'
import { blobId } from '../../src/format/ids.ts'
import { decodePrefix, KIND, NO_DOMAIN, type ObjectKind } from '../../src/format/prefix.ts'
import { loadIndex } from '../../src/repository/index-load.ts'
import { loadMarks } from '../../src/repository/marks.ts'
import { openRepository, type Repository } from '../../src/repository/repository.ts'
import { loadSnapshots } from '../../src/repository/snapshots.ts'
import type { ContentFolder } from '../../src/store/names.ts'
import { contentName } from '../../src/store/names.ts'
import type { Store } from '../../src/store/store.ts'
import { namesOf, replaceObject } from '../repositories/sample.ts'
import { copyStore, FILES, makeWorld, putReceipt, type World, withPrefix } from './world.ts'

let world: World
/** The repository that is attacked, and the one that things are taken from. */
let ours: Store
let theirs: Store

beforeAll(async () => {
  world = await makeWorld()
  theirs = world.stores[1]
})

beforeEach(async () => {
  ours = await copyStore(world.stores[0])
})

function open(): Promise<Repository> {
  return openRepository(ours, world.owner)
}

async function runCheck(mode: 'structure' | 'read-data' = 'structure'): Promise<CheckResult> {
  const quiet = { onProgress: () => undefined, onProblem: () => undefined, workers: 1 }
  return check({ repository: await open(), mode, signal: new AbortController().signal, ...quiet })
}

async function kindsOf(
  name: string,
  mode?: 'structure' | 'read-data',
): Promise<readonly ProblemKind[]> {
  const { problems } = await runCheck(mode)
  return problems.filter(({ object }) => object === name).map(({ kind }) => kind)
}

/** Everything that the owner can read: paths with contents, of all snapshots. */
async function readEverything(): Promise<number> {
  const repository = await open()
  const { snapshots } = await loadSnapshots(repository)
  let files = 0
  for (const { domain, summary } of snapshots) {
    const reader = new BlobReader({
      store: ours,
      domain,
      index: await loadIndex(repository, domain),
    })
    const root = blobId(summary.roots[0] as Bytes)
    const onError = (_names: unknown, error: unknown) => {
      throw error
    }
    for await (const { entry } of walkTree(reader, { root, onError })) {
      for (const piece of entry.pieces ?? []) await reader.read('data', piece.id)
      if (entry.type === 'file') files++
    }
  }
  return files
}

/** Another length already tells a pack from the one that the index names: then it counts as missing. */
function isUnreadable(error: unknown): boolean {
  return isCairnError(error, 'object-damaged', 'object-missing')
}

const FILES_OF_ALL = 2 * Object.keys(FILES).length
/** What is in each folder that has anything signed. */
const KIND_OF = {
  packs: 'data-pack',
  index: 'index',
  snapshots: 'snapshot',
  receipts: 'receipt',
  marks: 'mark',
  forgets: 'forget',
  sightings: 'sighting',
  holds: 'hold',
  renewals: 'renewal',
  losses: 'loss',
} as const satisfies Record<Exclude<ContentFolder, 'quarantine' | 'origins'>, ObjectKind>
const FOLDERS = Object.keys(KIND_OF) as (keyof typeof KIND_OF)[]

/** Puts bytes under the name that is right for them. */
async function putAs(folder: ContentFolder, object: Bytes): Promise<string> {
  const name = contentName(folder, sha256(object))
  await ours.put(name, [object])
  return name
}

async function ofDomain(store: Store, folder: string, which: number): Promise<readonly Bytes[]> {
  const id = (await openRepository(store, world.owner)).domains[which]?.id as Bytes
  const found: Bytes[] = []
  for (const name of await namesOf(store, folder)) {
    const object = await store.get(name)
    if (equalBytes(decodePrefix(object).domain, id)) found.push(object)
  }
  expect(found.length).toBeGreaterThan(0)
  return found
}

test('untouched, nothing is wrong', async () => {
  expect((await runCheck('read-data')).problems).toEqual([])
  expect(await readEverything()).toBe(FILES_OF_ALL)
})

describe('objects of another repository', () => {
  test.each(FOLDERS)(
    '%s: under their own names they are foreign and change nothing',
    async (folder) => {
      const before = (await loadSnapshots(await open())).snapshots.map(({ id }) => id)
      for (const object of await ofDomain(theirs, `${folder}/`, 0)) {
        const name = await putAs(folder, object)
        expect(await kindsOf(name, folder === 'packs' ? 'read-data' : 'structure')).toEqual([
          'foreign',
        ])
      }
      expect((await loadSnapshots(await open())).snapshots.map(({ id }) => id)).toEqual(before)
      expect(await readEverything()).toBe(FILES_OF_ALL)
    },
  )

  test.each(FOLDERS)('%s: with our domain in their prefix they do not open', async (folder) => {
    const { id } = (await open()).domains[0] ?? {}
    for (const object of await ofDomain(theirs, `${folder}/`, 0)) {
      const forged = withPrefix(object, (prefix) => {
        prefix.set(id as Bytes, 12)
      })
      const name = await putAs(folder, forged)
      expect(await kindsOf(name)).toEqual(['damaged'])
    }
    expect(await readEverything()).toBe(FILES_OF_ALL)
  })

  test.each(FOLDERS)('%s: under our names they are damage', async (folder) => {
    const [object] = await ofDomain(theirs, `${folder}/`, 0)
    const [name] = await namesOf(ours, `${folder}/`)
    await replaceObject(ours, { name: name as string, bytes: object as Bytes })
    expect(await kindsOf(name as string, 'read-data')).toContain('damaged')
    if (folder === 'marks')
      await expect(
        open().then((all) => loadMarks(all, all.domains[0] as never)),
      ).rejects.toMatchObject({ code: 'object-damaged' })
    else if (folder === 'packs')
      await expect(readEverything()).rejects.toSatisfy((error) => isUnreadable(error))
    else if (folder === 'snapshots') {
      const { snapshots, problems } = await loadSnapshots(await open())
      expect(snapshots).toHaveLength(1)
      expect(problems).toMatchObject([{ name, error: { code: 'object-damaged' } }])
    }
  })

  test('a lease is foreign', async () => {
    for (const name of await namesOf(theirs, 'leases/')) {
      await ours.put(name, [await theirs.get(name)])
      expect(await kindsOf(name)).toEqual(['foreign'])
    }
  })

  test('a config of another owner is refused, and so is the repository without one of ours', async () => {
    const config = await theirs.get('config/00000001')
    await ours.put('config/00000009', [config])
    expect((await open()).skipped).toMatchObject([{ name: 'config/00000009' }])
    expect(await kindsOf('config/00000009')).toEqual(['foreign'])
    for (const name of await namesOf(ours, 'config/'))
      await replaceObject(ours, { name, bytes: config })
    await expect(open()).rejects.toMatchObject({ code: 'object-foreign' })
  })

  test('a config under the number of another generation is refused', async () => {
    await ours.put('config/00000009', [await ours.get('config/00000001')])
    expect((await open()).config.generation).toBe(2)
    expect(await kindsOf('config/00000009')).toEqual(['foreign'])
  })

  test('a grant that our passphrase opens and that pins another repository is refused', async () => {
    const { grantName } = await open()
    const other = await openRepository(theirs, world.owner)
    await ours.remove(grantName)
    await ours.put(other.grantName, [await theirs.get(other.grantName)])
    await expect(open()).rejects.toMatchObject({ code: 'object-foreign' })
  })

  test('keyrings of another owner do not open', async () => {
    for (const name of await namesOf(ours, 'keys/')) {
      if (name.includes('keyring'))
        await replaceObject(ours, { name, bytes: await theirs.get(name) })
    }
    await expect(open()).rejects.toMatchObject({ code: 'object-missing' })
  })

  test('a keyring under the number of another generation is refused', async () => {
    const names = (await namesOf(ours, 'keys/')).filter((name) => name.includes('keyring'))
    await ours.put('keys/keyring-00000099', [await ours.get(names[0] as string)])
    expect((await open()).ownership?.keyring.generation).toBe(names.length)
    expect(await kindsOf('keys/keyring-00000099')).toEqual(['foreign'])
  })

  test('config and keys together make it the other repository, to which our objects are foreign', async () => {
    const { idHex } = await open()
    for (const folder of ['config/', 'keys/']) {
      for (const name of await namesOf(ours, folder)) await ours.remove(name)
      for (const name of await namesOf(theirs, folder))
        await ours.put(name, [await theirs.get(name)])
    }
    const opened = await open()
    // Whoever remembers the id sees it: the command does.
    expect(opened.idHex).not.toBe(idHex)
    expect((await loadSnapshots(opened)).snapshots).toEqual([])
    const { problems } = await runCheck('read-data')
    expect(new Set(problems.map(({ kind }) => kind))).toEqual(new Set(['foreign']))
  })
})

describe('objects of another domain', () => {
  test.each(FOLDERS)('%s: passed off as of ours they do not open', async (folder) => {
    const { id } = (await open()).domains[0] ?? {}
    for (const object of await ofDomain(ours, `${folder}/`, 1)) {
      const forged = withPrefix(object, (prefix) => {
        prefix.set(id as Bytes, 12)
      })
      expect(await kindsOf(await putAs(folder, forged))).toEqual(['damaged'])
    }
    expect(await readEverything()).toBe(FILES_OF_ALL)
  })

  test('a receipt of another domain confirms no snapshot of ours', async () => {
    const repository = await open()
    const [own, other] = repository.domains
    if (own === undefined || other === undefined) throw new Error('two domains')
    for (const name of await namesOf(ours, 'receipts/')) await ours.remove(name)
    for (const { name, domain } of (await loadSnapshots(repository)).snapshots) {
      const signing = domain === own ? other : own
      await putReceipt(repository, { domain: signing, snapshot: name })
    }
    const { snapshots } = await loadSnapshots(await open())
    expect(snapshots.map(({ confirmed }) => confirmed)).toEqual([false, false])
    const { notes } = await runCheck()
    for (const { name } of snapshots)
      expect(notes.find(({ object }) => object === name)?.what).toMatch(/without receipt/)
    // With one of its own domain each counts again.
    for (const { name, domain } of snapshots)
      await putReceipt(repository, { domain, snapshot: name })
    const again = await loadSnapshots(await open())
    expect(again.snapshots.map(({ confirmed }) => confirmed)).toEqual([true, true])
  })

  test('a lease passed off as of ours does not open', async () => {
    const { id } = (await open()).domains[0] ?? {}
    const [object] = await ofDomain(ours, 'leases/', 1)
    const name = `leases/${'ab'.repeat(16)}/1`
    await ours.put(name, [
      withPrefix(object as Bytes, (prefix) => {
        prefix.set(id as Bytes, 12)
      }),
    ])
    expect(await kindsOf(name)).toEqual(['damaged'])
  })

  test('a lease under the name of another session is foreign', async () => {
    const [object] = await ofDomain(ours, 'leases/', 0)
    const name = `leases/${'ab'.repeat(16)}/1`
    await ours.put(name, [object as Bytes])
    expect(await kindsOf(name)).toEqual(['foreign'])
  })

  test('a pack in the place of one of ours is damage to whoever reads', async () => {
    const [mine] = await ofDomain(ours, 'packs/', 0)
    const [other] = await ofDomain(ours, 'packs/', 1)
    const name = contentName('packs', sha256(mine as Bytes))
    await replaceObject(ours, { name, bytes: other as Bytes })
    await expect(readEverything()).rejects.toSatisfy((error) => isUnreadable(error))
    expect(await kindsOf(name, 'read-data')).toContain('damaged')
  })
})

describe('objects of another kind', () => {
  test('a pack of data passed off as one of trees, and the other way round, does not open', async () => {
    for (const object of await ofDomain(ours, 'packs/', 0)) {
      const other = object[6] === KIND['data-pack'] ? KIND['tree-pack'] : KIND['data-pack']
      const forged = withPrefix(object, (prefix) => {
        prefix[6] = other
      })
      expect(await kindsOf(await putAs('packs', forged), 'read-data')).toEqual(['damaged'])
    }
  })

  test('an object in the folder of another kind is foreign', async () => {
    for (const folder of FOLDERS) {
      const [object] = await ofDomain(world.stores[0], `${folder}/`, 0)
      const wrong = folder === 'receipts' ? 'snapshots' : 'receipts'
      expect(await kindsOf(await putAs(wrong, object as Bytes))).toEqual(['foreign'])
    }
    const [snapshot] = await ofDomain(world.stores[0], 'snapshots/', 0)
    expect(await kindsOf(await putAs('packs', snapshot as Bytes))).toEqual(['foreign'])
    expect(await readEverything()).toBe(FILES_OF_ALL)
  })

  test('an object of a later version or epoch is told apart from damage', async () => {
    const [snapshot] = await ofDomain(ours, 'snapshots/', 0)
    const later = withPrefix(snapshot as Bytes, (prefix) => {
      prefix[7] = 2
    })
    const epoch = withPrefix(snapshot as Bytes, (prefix) => {
      prefix[28] = 9
    })
    expect(await kindsOf(await putAs('snapshots', later))).toEqual(['unsupported'])
    expect(await kindsOf(await putAs('snapshots', epoch))).toEqual(['unsupported'])
    expect((await loadSnapshots(await open())).snapshots).toHaveLength(2)
  })

  test('junk under right names is told and stops nothing', async () => {
    for (const folder of FOLDERS) {
      expect(await kindsOf(await putAs(folder, Uint8Array.from([1, 2, 3, folder.length])))).toEqual(
        ['damaged'],
      )
      const headless = withPrefix(
        (await ofDomain(world.stores[0], 'snapshots/', 0))[0] as Bytes,
        (prefix) => {
          prefix.set(NO_DOMAIN, 12)
          prefix[6] = KIND[KIND_OF[folder]]
        },
      )
      expect(await kindsOf(await putAs(folder, headless))).toEqual(['foreign'])
    }
    await ours.put('keys/junk', [Uint8Array.of(1)])
    await ours.put('config/00000005', [Uint8Array.of(1)])
    expect((await open()).skipped.length).toBeGreaterThan(0)
    expect(await readEverything()).toBe(FILES_OF_ALL)
  })
})
