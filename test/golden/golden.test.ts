// What repositories have been since they were made, read and made again by the program as it is now.
//
// THE RULE: if this test has to change, the format has changed. Until Cairn 1.0 that is allowed, and
// docs/format.md changes in the same commit, with repositories made anew (scripts/make-golden.ts). From 1.0
// on it never changes: new ones are put beside the old ones, which must be read for ever.
//
//   first   one snapshot of every kind of entry; a passphrase and a key file open it
//   grown   several sources, domains and keys; a checkpoint, tags, a revocation, a mark, a lease, index
//           segments that take the place of others, and all that upkeep puts; what a repair took out of the way, and what sync left; removed-grant is
//           the grant that was taken back
//   junk    a small repository whose folders hold whatever else may lie there
//
// Beside each is what must be read from it (first.txt, ...), as it was found on the disk that was saved.

import { spawnSync } from 'node:child_process'
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Bytes, equalBytes, fromHex, toHex } from '../../src/base/bytes.ts'
import { systemClock } from '../../src/base/clock.ts'
import { sha256 } from '../../src/base/hash.ts'
import { type CheckResult, check } from '../../src/engine/check.ts'
import { SnapshotReaders } from '../../src/engine/snapshot-readers.ts'
import { type Codec, decode, encode } from '../../src/format/codec.ts'
import { CODEC } from '../../src/format/frame.ts'
import type { BlobId } from '../../src/format/ids.ts'
import { decodePrefix, KIND, type ObjectKind } from '../../src/format/prefix.ts'
import { detailsCodec, summaryCodec } from '../../src/format/snapshot.ts'
import { decodeTreeNode, type Entry, entryCodec, treeNodeCodec } from '../../src/format/tree.ts'
import { openRepository, type Repository } from '../../src/repository/repository.ts'
import {
  loadSnapshots,
  openDetails,
  type Snapshot,
  sourceIdOf,
} from '../../src/repository/snapshots.ts'
import { upkeepSignatory } from '../../src/repository/upkeep-signatory.ts'
import { openGrant } from '../../src/sealer/grant.ts'
import type { Credential } from '../../src/sealer/passphrase.ts'
import { openLocal } from '../../src/store/local/local-store.ts'
import { digestInName } from '../../src/store/names.ts'
import type { Store } from '../../src/store/store.ts'
import { backupFolder, namesIn, restoreFolder } from '../engine/fixture.ts'
import { describeWith } from '../require.ts'
import { COPY_DETAILS, COPY_SUMMARY } from './copies.ts'
import { describeRepository, listPath } from './describe.ts'
import {
  CREDENTIALS,
  GRANTS,
  OWNER_KEY_FILE,
  PASSPHRASE,
  type RepositoryName,
  SAME_PASSPHRASE,
} from './keys.ts'
import { type ListingOptions, listDisk } from './listing.ts'
import { type AllKeys, idAgain, Met, rebuild, signersOf } from './rebuild.ts'
import { Compared, recompute } from './recompute.ts'

const HERE = import.meta.dirname
const TOOL = join(HERE, '../../tools/restore-from-spec.ts')
const NAMES: readonly RepositoryName[] = ['first', 'grown', 'junk']
/** The folder that was saved, as it was called. */
const SOURCE = '/tmp/cairn-golden/source'

const scratch = mkdtempSync(join(tmpdir(), 'cairn-golden-test-'))
afterAll(() => {
  rmSync(scratch, { recursive: true, force: true })
})

/** The committed repository, to be read only. */
function storeOf(name: RepositoryName): Store {
  return openLocal({ path: join(HERE, name), clock: systemClock })
}

function ownerOf(name: RepositoryName): Credential {
  return name === 'first' ? CREDENTIALS.passphrase : CREDENTIALS.owner
}

function openAsOwner(name: RepositoryName): Promise<Repository> {
  return openRepository(storeOf(name), { credential: ownerOf(name) })
}

const textOf = (name: RepositoryName) => readFileSync(join(HERE, `${name}.txt`), 'utf8')

/** Names that a store takes for those of objects, and a reader does not. */
const LOOSE_NAMES = ['config/1', 'keys/keyring-1', `keys/${'0'.repeat(63)}`]

/** SHA-256 of the objects that are none, in hexadecimal. */
function junkHashes(): readonly string[] {
  const folder = join(HERE, 'junk/config')
  const names = readdirSync(folder).filter((name) => /^0000001\d$/.test(name))
  return names.map((name) => toHex(sha256(readFileSync(join(folder, name)))))
}

function isJunk(name: string): boolean {
  const last = name.slice(name.lastIndexOf('/') + 1)
  const isUnderNumber = /^(config\/0000001\d|leases\/0+\/\d)$/.test(name)
  return isUnderNumber || LOOSE_NAMES.includes(name) || junkHashes().includes(last)
}

const isLoose = (path: string) => LOOSE_NAMES.some((name) => path.endsWith(`/${name}`))

async function objectsOf(name: RepositoryName): Promise<readonly (readonly [string, Bytes])[]> {
  const store = storeOf(name)
  const names = (await namesIn(store, '')).filter((one) => name !== 'junk' || !isJunk(one))
  return Promise.all(names.map(async (one) => [one, await store.get(one)] as const))
}

describe.each(NAMES)('the repository %s', (name) => {
  test('opens with each of its keys', async () => {
    for (const [label, credential] of Object.entries(GRANTS[name])) {
      if (label === 'guest') continue
      const repository = await openRepository(storeOf(name), { credential })
      expect(repository.label).toBe(label)
      expect((await loadSnapshots(repository)).snapshots.length).toBeGreaterThan(0)
    }
  })

  test('says what it has always said', async () => {
    expect(await describeRepository(await openAsOwner(name))).toBe(textOf(name))
  })

  test('has nothing wrong with it', async () => {
    const { problems, blobsRead, blobsNeeded } = await checkAll(await openAsOwner(name))
    expect(problems.map(({ object }) => object).filter((object) => !isJunk(object))).toEqual([])
    expect(blobsRead).toBeGreaterThanOrEqual(blobsNeeded)
    expect(blobsNeeded).toBeGreaterThan(4)
  })

  test('each of its objects is made again, byte for byte', async () => {
    const keys = await allKeysOf(name)
    for (const [object, bytes] of await objectsOf(name)) {
      const again = await rebuild(keys, bytes, new Met())
      expect(equalBytes(again, bytes), object).toBe(true)
      const digest = digestInName(object)
      if (digest !== undefined) expect(toHex(sha256(again)), object).toBe(toHex(digest))
    }
  })

  test('each of its blobs has its id, and each tree its encoding', async () => {
    const { blobs } = await meetAll(name)
    for (const stored of blobs) {
      expect(toHex(idAgain(stored))).toBe(toHex(stored.id))
      if (stored.kind === 'tree-pack')
        expect(encode(treeNodeCodec, decodeTreeNode(stored.blob))).toEqual(stored.blob)
    }
  })

  test('files and folders are cut where they were, and called what they were', async () => {
    const repository = await openAsOwner(name)
    const { chunker } = repository.config
    const readers = new SnapshotReaders(repository)
    let lists = 0
    for (const snapshot of (await loadSnapshots(repository)).snapshots) {
      const reader = await readers.readerFor(snapshot)
      const { domain, summary } = snapshot
      const { source } = openDetails(repository, snapshot)
      expect(toHex(sourceIdOf(domain, source))).toBe(toHex(summary.sourceId))
      const compared = new Compared()
      await recompute({ reader, domain, chunker }, summary.roots[0] as BlobId, compared)
      expect(compared.files).toBe(summary.files + summary.others)
      if (summary.ending !== 'checkpoint') expect(compared.folders).toBe(summary.folders)
      expect(compared.pieces).toBeGreaterThan(0)
      lists += compared.lists
    }
    expect(lists).toBe(name === 'first' ? 4 : 0)
  })
})

function checkAll(repository: Repository): Promise<CheckResult> {
  return check({
    repository,
    mode: 'read-data',
    workers: 1,
    signal: new AbortController().signal,
    onProgress: () => undefined,
    onProblem: () => undefined,
  })
}

/** Every grant is opened, the one that was taken back too: some objects are signed with its key. */
async function allKeysOf(name: RepositoryName): Promise<AllKeys> {
  const repository = await openAsOwner(name)
  const credentials: readonly Credential[] = Object.values(GRANTS[name])
  const domains = [...(repository.ownership?.keyring.domains ?? [])]
  for (const [label, credential] of Object.entries(GRANTS[name])) {
    const grant =
      label === 'guest'
        ? await openGrant(readFileSync(join(HERE, 'removed-grant')), credential)
        : (await openRepository(storeOf(name), { credential })).grant
    domains.push(...(grant?.domains ?? []))
  }
  const signers = new Map(signersOf(domains))
  for (const domain of repository.domains) {
    const { signer, certificate } = upkeepSignatory(repository, domain)
    signers.set(toHex(certificate), signer)
  }
  return { repository, credentials, signers }
}

/** Goes through all objects, and tells what was met. */
async function meetAll(name: RepositoryName): Promise<Met> {
  const keys = await allKeysOf(name)
  const met = new Met()
  for (const [, bytes] of await objectsOf(name)) await rebuild(keys, bytes, met)
  return met
}

describe('first and grown together', () => {
  let met: Met
  let kinds: Set<ObjectKind>

  beforeAll(async () => {
    const all = [await meetAll('first'), await meetAll('grown')]
    met = new Met()
    for (const one of all) {
      met.blobs.push(...one.blobs)
      for (const codec of one.codecs) met.codecs.add(codec)
      met.paddingBytes += one.paddingBytes
      met.superseded += one.superseded
    }
    const objects = [...(await objectsOf('first')), ...(await objectsOf('grown'))]
    kinds = new Set(objects.map(([, bytes]) => decodePrefix(bytes).kind))
  })

  test('have an object of every kind that the program writes', () => {
    expect([...kinds].sort()).toEqual(Object.keys(KIND).sort())
  })

  test('have every field of entries but the one for files that change', () => {
    const fields = new Set<string>()
    for (const { kind, blob } of met.blobs) {
      if (kind !== 'tree-pack') continue
      const node = decodeTreeNode(blob)
      for (const entry of node.kind === 'entries' ? node.entries : [])
        for (const [field, value] of Object.entries(entry))
          if (value !== undefined) fields.add(field)
    }
    const all = Object.keys(decode(entryCodec, fromHex(WIDE_ENTRY) as Bytes))
    expect([...fields, 'changed'].sort()).toEqual(all.sort())
  })

  test('have nodes of every kind but lists of lists', () => {
    const trees = met.blobs.filter(({ kind }) => kind === 'tree-pack')
    const nodes = new Set(trees.map(({ blob }) => decodeTreeNode(blob).kind))
    expect([...nodes].sort()).toEqual(['directory', 'entries', 'extents', 'pieces'])
  })

  test('have frames that are compressed and frames that are not, and padding', () => {
    expect([...met.codecs].sort()).toEqual([CODEC.stored, CODEC.zstd])
    expect(met.paddingBytes).toBeGreaterThan(0)
  })

  test('have index segments that take the place of others', () => {
    expect(met.superseded).toBeGreaterThan(0)
  })
})

/** What no small tree has: numbers beyond 2^53, a file that changed, and lists of lists. */
const WIDE_ENTRY =
  'b00141ff020103190fff041affffffff0500064175074167083b0fffffffffffffff091a3b9ac9ff0a1b200000' +
  '00000000000ba2011b0020000000000000021bffffffffffffffff0e81a2014178024010582007070707070707' +
  '070707070707070707070707070707070707070707070707071258200707070707070707070707070707070707' +
  '070707070707070707070707070707131affffffff1501'
const WIDE_LIST =
  '830502825820070707070707070707070707070707070707070707070707070707070707070758200707070707' +
  '070707070707070707070707070707070707070707070707070707'

describe('what no small tree has', () => {
  const id = new Uint8Array(32).fill(7) as BlobId
  const entry: Entry = {
    name: Uint8Array.of(0xff),
    type: 'file',
    mode: 0o7777,
    uid: 0xffffffff,
    gid: 0,
    user: Uint8Array.of(0x75),
    group: Uint8Array.of(0x67),
    mtimeSeconds: -(2n ** 60n),
    mtimeNanos: 999_999_999,
    size: 2n ** 61n,
    link: { device: 2n ** 53n, inode: 2n ** 64n - 1n },
    target: undefined,
    device: undefined,
    xattrs: [{ name: Uint8Array.of(0x78), value: new Uint8Array(0) }],
    pieces: undefined,
    pieceList: id,
    extents: undefined,
    extentList: id,
    crc32: 0xffffffff,
    tree: undefined,
    changed: 1,
  }

  test.each<[string, Codec<unknown>, unknown, string]>([
    ['an entry with wide numbers', entryCodec, entry, WIDE_ENTRY],
    ['a list of lists', treeNodeCodec, { kind: 'list', level: 2, children: [id, id] }, WIDE_LIST],
  ])('%s', (_, codec, value, hex) => {
    expect(toHex(encode(codec, value))).toBe(hex)
    expect(decode(codec, fromHex(hex) as Bytes)).toEqual(value)
  })
})

/** A copy of a snapshot of another repository, with what it embeds of that. */
const COPY_SUMMARY_HEX =
  'b201500101010101010101010101010101010102815820020202020202020202020202020202020202020202' +
  '0202020202020202020202030304582004040404040404040404040404040404040404040404040404040404' +
  '0404040405500505050505050505050505050505050506060707080109090a0a0b0b0c000d0d0e0e0f0f1065' +
  '636169726e115820111111111111111111111111111111111111111111111111111111111111111113582013' +
  '13131313131313131313131313131313131313131313131313131313131313'
const COPY_DETAILS_HEX =
  'a70166736f757263650264686f73740364757365720481452f706174680580068008a5015820010101010101' +
  '0101010101010101010101010101010101010101010101010101025820020202020202020202020202020202' +
  '0202020202020202020202020202020202035820030303030303030303030303030303030303030303030303' +
  '030303030303030304440404040405450505050505'

describe('what only copies have', () => {
  test.each<[string, Codec<unknown>, unknown, string]>([
    ['a summary', summaryCodec, COPY_SUMMARY, COPY_SUMMARY_HEX],
    ['details', detailsCodec, COPY_DETAILS, COPY_DETAILS_HEX],
  ])('%s', (_, codec, value, hex) => {
    expect(toHex(encode(codec, value))).toBe(hex)
    expect(decode(codec, fromHex(hex) as Bytes)).toEqual(value)
  })
})

test('a passphrase opens, however its letters are composed', async () => {
  expect(SAME_PASSPHRASE).not.toBe(PASSPHRASE)
  const credential = { kind: 'passphrase', passphrase: SAME_PASSPHRASE } as const
  expect((await openRepository(storeOf('first'), { credential })).label).toBe('owner')
})

describe('what was taken back', () => {
  test('opens the repository no more, and what it signed until then is still believed', async () => {
    const credential = CREDENTIALS.guest
    const store = storeOf('grown')
    await expect(openRepository(store, { credential })).rejects.toMatchObject({
      code: 'wrong-passphrase',
    })
    const { snapshots } = await loadSnapshots(await openAsOwner('grown'))
    const signers = snapshots.map(({ certificate }) => certificate.label)
    expect(signers.filter((label) => label === 'guest')).toHaveLength(1)
  })
})

describe('junk', () => {
  test('is passed over, and told where it has the name of an object', async () => {
    const repository = await openAsOwner('junk')
    const [empty, short, noise, foreign] = junkHashes()
    const told = [empty, short, noise]
    expect(repository.skipped.map(({ name }) => name).sort()).toEqual(
      [
        ...['0', '1', '2', '3'].map((digit) => `config/0000001${digit}`),
        ...junkHashes().map((hash) => `keys/${hash}`),
      ].sort(),
    )
    const { problems } = await loadSnapshots(repository)
    const folders = ['snapshots', 'receipts']
    const expected = folders.flatMap((folder) => told.map((hash) => `${folder}/${hash}`))
    expect(problems.map(({ name }) => name).sort()).toEqual(expected.sort())
    expect(foreign).toBeDefined()
  })

  test('is nothing to speak of where it has another name or is no file', () => {
    const path = join(scratch, 'names')
    const from = join(HERE, 'junk')
    const isName = (file: string) => !isJunk(file.slice(from.length + 1)) || isLoose(file)
    cpSync(from, path, { recursive: true, verbatimSymlinks: true, filter: isName })
    symlinkSync('..', join(path, 'index/up'))
    symlinkSync('nowhere', join(path, 'snapshots', '1'.repeat(64)))
    const { status, output } = runTool('junk', { path, target: join(scratch, 'by-name') })
    expect(output).toContain(' 0 problems')
    expect(status).toBe(0)
  })

  test('does not keep anybody from writing', async () => {
    const path = join(scratch, 'junk')
    cpSync(join(HERE, 'junk'), path, { recursive: true, verbatimSymlinks: true })
    const store = openLocal({ path, clock: systemClock })
    const repository = await openRepository(store, { credential: CREDENTIALS.owner })
    const folder = mkdtempSync(join(scratch, 'source-'))
    writeFileSync(join(folder, 'new'), 'new')
    const { result } = await backupFolder({ repository }, folder)
    expect(result.snapshot).toBeDefined()
    expect((await loadSnapshots(repository)).snapshots).toHaveLength(2)
  })
})

/** What Node can bring back of what the tool restores: not all digits of times, and no xattrs. */
const BY_TOOL: ListingOptions = { xattrs: false, digits: 6, extents: false, ownerNames: false }
const BY_PROGRAM: ListingOptions = { extents: false, ownerNames: false }

describeWith('restored', ['root'], () => {
  test.each(NAMES)('%s is what was saved', async (name) => {
    const repository = await openAsOwner(name)
    const { snapshots } = await loadSnapshots(repository)
    for (const snapshot of snapshots.filter(isOfSource)) {
      const target = mkdtempSync(join(scratch, 'target-'))
      const { problems } = await restoreFolder({ repository }, target, { snapshot })
      expect(problems).toEqual([])
      const expected = await listPath(repository, { snapshot, path: SOURCE }, BY_PROGRAM)
      expect(listDisk(join(target, SOURCE), BY_PROGRAM)).toBe(expected)
      rmSync(target, { recursive: true })
    }
  })

  test.each(NAMES)('%s is what was saved, by a tool that knows the page only', async (name) => {
    const repository = await openAsOwner(name)
    const { snapshots } = await loadSnapshots(repository)
    for (const snapshot of snapshots.filter(isOfSource)) {
      const target = join(scratch, `tool-${name}-${snapshot.id}`)
      const { status, output } = runTool(name, { target, id: snapshot.id })
      expect(output).toContain(`${snapshot.id}: `)
      expect(status, output).toBe(name === 'junk' ? 1 : 0)
      const expected = await listPath(repository, { snapshot, path: SOURCE }, BY_TOOL)
      expect(listDisk(join(target, SOURCE), BY_TOOL)).toBe(expected)
    }
  })
})

/** Not those of which only a part of the folder was saved. */
function isOfSource({ domain, certificate, summary }: Snapshot): boolean {
  return domain.label === 'default' && certificate.label === 'owner' && summary.folders !== 1
}

function runTool(
  name: RepositoryName,
  {
    path = join(HERE, name),
    target,
    id = '',
  }: { readonly path?: string; readonly target: string; readonly id?: string },
): { readonly status: number | null; readonly output: string } {
  const keyFile = join(scratch, 'key')
  writeFileSync(keyFile, OWNER_KEY_FILE)
  const secret =
    name === 'first' ? { CAIRN_PASSPHRASE: SAME_PASSPHRASE } : { CAIRN_KEY_FILE: keyFile }
  const { status, stdout, stderr } = spawnSync(process.execPath, [TOOL, path, target, id], {
    env: { PATH: process.env['PATH'], ...secret },
    encoding: 'utf8',
  })
  return { status, output: stdout + stderr }
}
