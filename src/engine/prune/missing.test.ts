import { beforeEach, expect, test } from 'vitest'
import { makeRepository, type TestRepository } from '../../../test/engine/fixture.ts'
import { EMPTY_SUMMARY } from '../../../test/repositories/nothing-saved.ts'
import { type Bytes, toHex, utf8 } from '../../base/bytes.ts'
import { sha256 } from '../../base/hash.ts'
import type { Summary } from '../../format/snapshot.ts'
import { type FoundHold, Holds } from '../../repository/holds.ts'
import { selectDomain } from '../../repository/repository.ts'
import type { RootReceipt, RootSnapshot, Roots } from '../../repository/roots.ts'
import { confirmationOf } from '../../repository/snapshots.ts'
import { contentName, digestInName } from '../../store/names.ts'
import { findMissing } from './missing.ts'

let made: TestRepository
/** Names of what is there. */
let stored: Set<string>
let roots: Roots

const NOTHING_KNOWN = { marked: new Set<string>(), lost: new Set<string>(), holds: new Holds([]) }
const [SESSION, OTHER] = [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)]

beforeEach(async () => {
  made = await makeRepository()
  stored = new Set()
  roots = {
    snapshots: [],
    closed: 0,
    forgotten: [],
    forgetRecords: [],
    receipts: [],
    obstacles: [],
    notes: [],
  }
})

const nameOf = (text: string) => contentName('snapshots', sha256(utf8(text)))

function snapshot(text: string, said: Partial<Summary> = {}): RootSnapshot {
  const ids = { sourceId: new Uint8Array(16), sessionId: SESSION, detailsHash: new Uint8Array(32) }
  const summary = { ...EMPTY_SUMMARY, ...ids, ...said }
  return { name: nameOf(text), domain: selectDomain(made.repository), summary, storedAtMs: 0 }
}

function receipt(text: string, session = OTHER): RootReceipt {
  const name = contentName('receipts', sha256(utf8(`of ${text}`)))
  const [domain, of] = [selectDomain(made.repository), nameOf(text)]
  const confirms = confirmationOf({ domain, name: of })
  return { name, domain, snapshot: of, confirms, session: toHex(session) }
}

const following = (text: string, before: string) =>
  snapshot(text, { predecessor: digestInName(nameOf(before)) as Uint8Array })

function recordOf(
  text: string,
  { predecessor }: { readonly predecessor?: string } = {},
): Roots['forgetRecords'][number] {
  const hash = (of: string) => digestInName(nameOf(of)) as Uint8Array
  const before = predecessor === undefined ? undefined : hash(predecessor)
  const said = { sourceId: new Uint8Array(16), sequence: 2 }
  const snapshots = [{ ...said, snapshot: hash(text), predecessor: before }]
  const name = contentName('forgets', sha256(utf8(text)))
  const domain = selectDomain(made.repository)
  return { name, domain, record: { snapshots } } as unknown as Roots['forgetRecords'][number]
}

function holdOf({
  snapshots = [],
  releases = [],
}: {
  readonly snapshots?: readonly string[]
  readonly releases?: readonly Bytes[]
}): FoundHold {
  const held = snapshots.map((text) => digestInName(nameOf(text)) as Uint8Array)
  const record = { snapshots: held, releases, reason: '', heldMs: 1 }
  const hash = sha256(utf8(JSON.stringify([snapshots, releases.map(toHex)])))
  const domain = selectDomain(made.repository)
  return { name: contentName('holds', hash), hash, domain, record, storedAtMs: 1, bytes: 1 }
}

function have(...changes: readonly Partial<Roots>[]): void {
  for (const change of changes) roots = { ...roots, ...change }
  for (const { name } of [...roots.snapshots, ...roots.receipts]) stored.add(name)
}

async function missing(known = NOTHING_KNOWN): Promise<readonly string[]> {
  const stat = (name: string) =>
    Promise.resolve(stored.has(name) ? { name, size: 1, storedAtMs: 0 } : undefined)
  const repository = { ...made.repository, store: { ...made.store, stat } }
  return (await findMissing(repository, roots, known)).map(({ name }) => name)
}

test('what a receipt confirms and is gone is missing, once', async () => {
  have({ receipts: [receipt('gone'), receipt('there')], snapshots: [snapshot('there')] })
  expect(await missing()).toEqual([nameOf('gone')])
})

test('so is what a snapshot follows that is there', async () => {
  have({ snapshots: [following('next', 'gone')] })
  expect(await missing()).toEqual([nameOf('gone')])
})

test('so is what one followed that was forgotten, unless that was too', async () => {
  const first = recordOf('forgotten', { predecessor: 'gone' })
  have({ forgetRecords: [first], snapshots: [snapshot('newer', { sequence: 3 })] })
  expect(await missing()).toEqual([])
  stored.add(first.name)
  expect(await missing()).toEqual([nameOf('gone')])
  // A copy to which sync has brought records, and snapshots as far as this one.
  have({ snapshots: [snapshot('older', { sequence: 1 })] })
  expect(await missing()).toEqual([])
  const sourceId = new Uint8Array(16).fill(1)
  have({ snapshots: [snapshot('of another source', { sequence: 3, sourceId })] })
  expect(await missing()).toEqual([])
  have({ snapshots: [snapshot('newer', { sequence: 2 })] })
  expect(await missing()).toEqual([nameOf('gone')])
  have({ forgetRecords: [first, recordOf('gone')] })
  expect(await missing()).toEqual([])
})

test('so is what is held, until it is released', async () => {
  const held = holdOf({ snapshots: ['gone', 'there'] })
  have({ snapshots: [snapshot('there')] })
  stored.add(held.name)
  expect(await missing({ ...NOTHING_KNOWN, holds: new Holds([held]) })).toEqual([nameOf('gone')])
  const holds = new Holds([held, holdOf({ releases: [held.hash] })])
  expect(await missing({ ...NOTHING_KNOWN, holds })).toEqual([])
})

test('not what is there by now, nor where the witness went meanwhile', async () => {
  have({ receipts: [receipt('late'), receipt('forgotten now')] })
  stored.add(nameOf('late'))
  stored.delete(receipt('forgotten now').name)
  expect(await missing()).toEqual([])
})

test('not what was forgotten, marked or given up', async () => {
  have({ receipts: [receipt('forgotten'), receipt('marked'), receipt('lost')] })
  have({ forgetRecords: [recordOf('forgotten')] })
  const lost = toHex(digestInName(nameOf('lost')) as Uint8Array)
  const explained = { marked: new Set([nameOf('marked')]), lost: new Set([lost]) }
  expect(await missing({ ...NOTHING_KNOWN, ...explained })).toEqual([])
  expect(await missing()).toEqual([nameOf('marked'), nameOf('lost')])
})

test('not where the run put another one that counts, but a checkpoint is none', async () => {
  const receipts = [receipt('gone', SESSION), receipt('there')]
  have({ receipts, snapshots: [snapshot('there')] })
  expect(await missing()).toEqual([])
  have({ snapshots: [snapshot('there', { ending: 'checkpoint' })] })
  expect(await missing()).toEqual([nameOf('gone')])
  // One without receipt is none either.
  have({ receipts: [receipt('gone', SESSION)], snapshots: [snapshot('there')] })
  expect(await missing()).toEqual([nameOf('gone')])
})
