// `cairn repair --from` where the repository has lost what nothing in it tells of any more: newest snapshots with
// their receipts, holds, the records of what was forgotten. The copy has them, and who was there before knows nothing.

import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Done, User } from './user.ts'

let user: User

const SNAPSHOTS = 4

beforeEach(async () => {
  user = new User()
  expect(
    await user.run(['init', '--key-file', user.path('key')], { env: user.keyed }),
  ).toMatchObject({ code: 0 })
  for (let i = 0; i < SNAPSHOTS; i++) {
    user.write({ 'source/file': `text ${i}` })
    await done('backup', user.path('source'))
  }
})

afterEach(() => {
  user.remove()
})

const run = (...args: readonly string[]): Promise<Done> => user.run(args, { env: user.keyed })

async function done(...args: readonly string[]): Promise<Done> {
  const ended = await run(...args)
  expect(ended, ended.stderr).toMatchObject({ code: 0 })
  return ended
}

const inFolder = (folder: string) => user.path('repository', folder)
const copy = () => user.path('copy')

/** Oldest first. */
function namesIn(folder: string): readonly string[] {
  const path = inFolder(folder)
  const age = (name: string) => statSync(join(path, name)).mtimeMs
  return readdirSync(path).sort((a, b) => age(a) - age(b))
}

function lose(folder: string, names = namesIn(folder)): void {
  for (const name of names) rmSync(join(inFolder(folder), name))
}

/** Another machine, or one that was made anew: it remembers nothing. */
function forgetAll(): void {
  for (const folder of ['.local/state', '.cache'])
    rmSync(user.path(folder), { recursive: true, force: true })
}

async function listed(): Promise<readonly string[]> {
  const { last } = await user.json(['snapshots'], { env: user.keyed })
  return (last['snapshots'] as readonly { readonly id: string }[]).map(({ id }) => id)
}

async function expectAllRestore(ids: readonly string[]): Promise<void> {
  for (const [i, id] of ids.entries()) {
    const target = user.path(`back-${id}`)
    await done('restore', `${id}:${user.path('source')}`, '--target', target)
    expect(readFileSync(join(target, 'file'), 'utf8')).toBe(`text ${i}`)
  }
}

test.each([1, 2, SNAPSHOTS])(
  'the newest %i snapshots come back with their receipts',
  async (count) => {
    const before = await listed()
    await done('sync', '--to', copy())
    lose('snapshots', namesIn('snapshots').slice(-count))
    lose('receipts', namesIn('receipts').slice(-count))
    forgetAll()
    await done('repair', '--from', copy())
    expect(await listed()).toEqual(before)
    await done('check', '--read-data')
    await expectAllRestore(before)
  },
)

test('with their data, where prune has deleted that meanwhile', async () => {
  const before = await listed()
  await done('sync', '--to', copy())
  lose('snapshots', namesIn('snapshots').slice(-2))
  lose('receipts', namesIn('receipts').slice(-2))
  forgetAll()
  await done('prune', '--grace', '2s', '--wait')
  await done('repair', '--from', copy())
  expect(await listed()).toEqual(before)
  await expectAllRestore(before)
})

test('what was forgotten stays away, also where the records of that are only in the copy', async () => {
  const before = await listed()
  await done('sync', '--to', copy())
  for (const id of before.slice(0, 3)) await done('forget', id)
  await done('sync', '--to', copy())
  await done('repair', '--from', copy())
  expect(await listed()).toEqual(before.slice(3))
  const records = namesIn('forgets')
  lose('forgets')
  forgetAll()
  // All in one run.
  await done('repair', '--from', copy())
  expect(await listed()).toEqual(before.slice(3))
  // And one that says at once what they say.
  expect(namesIn('forgets')).toHaveLength(4)
  expect(namesIn('forgets')).toEqual(expect.arrayContaining(records as string[]))
  await done('check')
})

test('an unconfirmed snapshot of the copy does not come', async () => {
  await done('sync', '--to', copy())
  const [newest] = namesIn('snapshots').slice(-1) as [string]
  const [receipt] = namesIn('receipts').slice(-1) as [string]
  lose('snapshots', [newest])
  lose('receipts', [receipt])
  rmSync(join(copy(), 'receipts', receipt))
  forgetAll()
  await done('repair', '--from', copy())
  expect(await listed()).toHaveLength(SNAPSHOTS - 1)
})

test('holds come back, and so does what released them', async () => {
  const [first, second] = (await listed()) as [string, string]
  await done('hold', first)
  await done('hold', second)
  await done('release', second)
  await done('sync', '--to', copy())
  lose('holds')
  // This machine knows, and says so.
  const alone = await run('repair')
  expect(alone.code).toBe(1)
  expect(alone.stderr).toContain('nobody released it')
  forgetAll()
  await done('repair', '--from', copy())
  const forgotten = await run('forget', '--keep-last', '1')
  expect(forgotten.code).toBe(0)
  expect(await listed()).toContain(first)
  expect(await listed()).not.toContain(second)
})

test('a release alone comes back', async () => {
  const [first] = (await listed()) as [string]
  await done('hold', first)
  await done('release', first)
  await done('sync', '--to', copy())
  lose('holds', namesIn('holds').slice(-1))
  await done('repair', '--from', copy())
  await done('forget', first)
})

test('a copy of which the config is damaged or gone still has the rest', async () => {
  await done('sync', '--to', copy())
  const damaged = user.path('damaged-copy')
  cpSync(copy(), damaged, { recursive: true, preserveTimestamps: true })
  const config = join(damaged, 'config/00000001')
  const bytes = readFileSync(config)
  bytes[200] = (bytes[200] as number) ^ 1
  writeFileSync(config, bytes)
  const bare = user.path('bare-copy')
  cpSync(copy(), bare, { recursive: true, preserveTimestamps: true })
  rmSync(join(bare, 'config'), { recursive: true })
  for (const from of [damaged, bare]) {
    const before = await listed()
    lose('snapshots', namesIn('snapshots').slice(-1))
    await done('repair', '--from', from)
    expect(await listed()).toEqual(before)
  }
})

test('another repository is no copy', async () => {
  const other = user.path('other')
  const otherKey = { env: { CAIRN_KEY_FILE: user.path('other-key') } }
  await user.run(['init', '-r', other, '--key-file', user.path('other-key')], otherKey)
  await user.run(['backup', '-r', other, user.path('source')], otherKey)
  for (const from of [other, user.path('nothing')]) {
    mkdirSync(from, { recursive: true })
    const refused = await run('repair', '--from', from)
    expect(refused.code).not.toBe(0)
    expect(refused.stderr).toContain('it is no copy of the repository')
  }
})
