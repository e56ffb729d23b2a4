// `cairn copy` and `cairn init --like` as a user types them, between two folders.

import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { noise } from '../repositories/sample.ts'
import { describeTree, diffTrees } from '../trees/describe-tree.ts'
import { ended, type Line, User } from './user.ts'

const user = new User()
const env = user.keyed
const repository = user.path('repository')
const otherKey = user.path('other-key')
const toKey = { ...env, CAIRN_TO_KEY_FILE: otherKey }

let serial = 0

/** Makes a repository with a key of its own. */
async function newTarget(...options: readonly string[]): Promise<string> {
  const target = user.path(`target-${serial++}`)
  const init = ['init', '-r', target, '--key-file', otherKey, ...options]
  expect(await user.run(init, { env })).toMatchObject({ code: 0 })
  return target
}

function opened(target: string, ...words: readonly string[]): readonly string[] {
  return [...words, '-r', target, '--key-file', otherKey]
}

beforeAll(async () => {
  user.write({ 'data/a.txt': 'aaa', 'data/sub/b.bin': noise(3_000_000, 1) })
  expect(await user.run(['init'], { env })).toMatchObject({ code: 0 })
  expect(await user.run(['backup', 'data', '--tag', 'one'], { env })).toMatchObject({ code: 0 })
  user.write({ 'data/c.txt': 'ccc' })
  expect(await user.run(['backup', 'data', '--tag', 'two'], { env })).toMatchObject({ code: 0 })
})

afterAll(() => user.remove())

async function expectRestores(target: string): Promise<void> {
  const back = user.path(`back-${serial++}`)
  const restore = opened(target, 'restore', `latest:${user.path('data')}`, '--target', back)
  expect(await user.run(restore, { env: {} })).toMatchObject({ code: 0 })
  const options = { blockTolerance: 8 }
  expect(diffTrees(describeTree(user.path('data')), describeTree(back), options)).toEqual([])
  const check = opened(target, 'check', '--read-data')
  expect(await user.run(check, { env: {} })).toMatchObject({ code: 0 })
}

test('copies all, then nothing again, and the copy restores', async () => {
  const target = await newTarget()
  const done = await user.run(['copy', '--to', target], { env: toKey })
  expect(done).toMatchObject({ code: 0, stderr: '' })
  expect(done.stdout).toMatch(/^Copied [0-9a-f]{8}: it is [0-9a-f]{8} there\n/)
  expect(done.stdout).toMatch(/\nCopied 2 snapshots from .*repository to .*target-\d+ in /)
  await expectRestores(target)
  const { last, lines } = await user.json(['copy', '--to', target], { env: toKey })
  expect(last).toMatchObject({ event: 'result', copied: 0, present: 2, damaged: 0, readBytes: 0 })
  const items = lines.filter(({ event }) => event === 'item')
  expect(items.map(({ action }) => action)).toEqual(['present', 'present'])
  const { last: theirs } = await user.json(opened(target, 'snapshots'), { env: {} })
  const { last: ours } = await user.json(['snapshots'], { env })
  const said = (line: Line) =>
    (line['snapshots'] as readonly Readonly<Record<string, unknown>>[]).map(
      ({ startedAt, tags, host, source, paths }) => ({ startedAt, tags, host, source, paths }),
    )
  expect(said(theirs)).toEqual(said(ours))
  const originals = (ours['snapshots'] as readonly { readonly id: string }[]).map(({ id }) => id)
  const copies = theirs['snapshots'] as readonly { readonly original?: { readonly id: string } }[]
  expect(copies.map(({ original }) => original?.id)).toEqual(originals)
})

test('copies what is named or fits, and a dry run copies nothing', async () => {
  const target = await newTarget()
  const planned = await user.json(['copy', '--to', target, '--dry-run'], { env: toKey })
  expect(planned.last).toMatchObject({ dryRun: true, planned: 2, copied: 0 })
  expect(existsSync(join(target, 'snapshots'))).toBe(false)
  const latest = await user.json(['copy', '--to', target, 'latest'], { env: toKey })
  expect(latest.last).toMatchObject({ copied: 1 })
  const tagged = ['copy', '--to', target, '--tag', 'one', '--to-key-file', otherKey]
  expect((await user.json(tagged, { env })).last).toMatchObject({ copied: 1, present: 0 })
  const unknown = await user.run(['copy', '--to', target, 'ffff'], { env: toKey })
  expect(unknown.code).toBe(1)
  expect(unknown.stderr).toContain('There is no snapshot ffff')
})

test('made like the other one it deduplicates with what is saved there directly', async () => {
  const target = await newTarget('--like', repository, '--like-key-file', user.path('key'))
  expect(await user.run(['copy', '--to', target], { env: toKey })).toMatchObject({ code: 0 })
  const direct = await user.json(opened(target, 'backup', user.path('data')), { env: {} })
  expect(direct.last['addedBytes']).toBeLessThan(10_000)
  await expectRestores(target)
})

test('made without that it does not, as far as files are cut otherwise', async () => {
  const target = await newTarget()
  expect(await user.run(['copy', '--to', target], { env: toKey })).toMatchObject({ code: 0 })
  const direct = await user.json(opened(target, 'backup', user.path('data')), { env: {} })
  expect(direct.last['addedBytes']).toBeGreaterThan(1_000_000)
})

test('refuses what cannot be, and says what to do', async () => {
  const same = await user.run(['copy', '--to', repository, '--to-key-file', user.path('key')], {
    env,
  })
  expect(same).toMatchObject({ code: 2, stdout: '' })
  expect(same.stderr).toContain('are the same repository')
  expect(same.stderr).toContain('cairn sync')
  const nowhere = await user.run(['copy', '--to', user.path('nowhere')], { env: toKey })
  expect(nowhere.code).toBe(10)
  expect(nowhere.stderr).toContain('There is no repository at')
  const target = await newTarget()
  const unasked = await user.run(['copy', '--to', target], { env })
  expect(unasked.code).toBe(2)
  expect(unasked.stderr).toContain('CAIRN_TO_PASSPHRASE_FILE')
  const wrong = ['copy', '--to', target, '--to-key-file', user.path('key')]
  expect(await user.run(wrong, { env })).toMatchObject({ code: 12 })
  const useless = ['init', '-r', user.path('new'), '--like-key-file', user.path('key')]
  expect(await user.run(useless, { env })).toMatchObject({ code: 2 })
  const both = ['copy', '--to', target, '--passphrase-file', '-', '--to-passphrase-file', '-']
  const stdin = await user.run(both, { env: { CAIRN_REPOSITORY: repository } })
  expect(stdin.code).toBe(2)
  expect(stdin.stderr).toContain('both want stdin')
})

test('keys that may only read or only write are enough on their sides, and no others', async () => {
  const target = await newTarget()
  const add = (place: readonly string[], role: string) => {
    const file = user.path(`${role}-${serial++}`)
    const grant = ['key', 'add', '--role', role, '--label', file, '--new-key-file', file]
    const domain = role === 'writer' ? ['--domain', 'default'] : []
    return user.run([...grant, ...domain, ...place], { env }).then((done) => {
      expect(done).toMatchObject({ code: 0 })
      return file
    })
  }
  const there = opened(target)
  const [reader, writer] = [await add([], 'reader'), await add([], 'writer')]
  const [readerThere, writerThere] = [await add(there, 'reader'), await add(there, 'writer')]
  const copy = (key: string, toKeyFile: string) =>
    user.run(['copy', '--to', target, '--key-file', key, '--to-key-file', toKeyFile], { env })
  const mayNotOpen = await copy(writer, writerThere)
  expect(mayNotOpen.code).toBe(12)
  expect(mayNotOpen.stderr).toContain('may not open what is stored in the repository')
  const mayNotWrite = await copy(reader, readerThere)
  expect(mayNotWrite.code).toBe(12)
  expect(mayNotWrite.stderr).toContain('may not write to the repository')
  expect(await copy(reader, writerThere)).toMatchObject({ code: 0 })
  const again = ['copy', '--to', target, '--key-file', reader, '--to-key-file', writerThere]
  expect((await user.json(again, { env })).last).toMatchObject({ copied: 0, present: 2 })
  await expectRestores(target)
})

test('what is damaged is listed, its snapshot is not copied, and the others are', async () => {
  const damaged = user.path('damaged')
  expect(await user.run(['sync', '--to', damaged], { env })).toMatchObject({ code: 0 })
  user.write({ 'data/new.bin': noise(300_000, 7) })
  const backup = ['backup', 'data', '-r', damaged]
  const before = new Set(readdirSync(join(damaged, 'packs'), { recursive: true }).map(String))
  expect(await user.run(backup, { env })).toMatchObject({ code: 0 })
  for (const pack of readdirSync(join(damaged, 'packs'), { recursive: true }).map(String)) {
    if (before.has(pack) || !/\/[0-9a-f]{64}$/.test(pack)) continue
    // Packs of trees are short.
    const path = join(damaged, 'packs', pack)
    if (statSync(path).size > 200_000) flip(path)
  }
  const target = await newTarget()
  const copy = ['copy', '--to', target, '-r', damaged]
  const { code, last, lines } = await user.json(copy, { env: toKey })
  expect(code).toBe(3)
  expect(last).toMatchObject({ copied: 2, damaged: 1 })
  const problems = lines.filter(({ event }) => event === 'problem')
  expect(problems.map(({ path }) => path)).toEqual([user.path('data/new.bin')])
  const check = opened(target, 'check', '--read-data')
  expect(await user.run(check, { env: {} })).toMatchObject({ code: 0 })
})

/** Flips a bit in its middle. */
function flip(path: string): void {
  const bytes = readFileSync(path)
  const middle = bytes.length >> 1
  bytes[middle] = (bytes[middle] as number) ^ 1
  rmSync(path)
  writeFileSync(path, bytes)
}

test('what the machine knows of the other repository opens it', async () => {
  const target = await newTarget()
  const copy = ['copy', '-r', repository, '--key-file', user.path('key')]
  user.write({
    '.config/cairn/cairn.toml': `repository = "${target}"\nkey-file = "${otherKey}"\n`,
  })
  const configured = await user.json([...copy, '--to', target], { env: {} })
  expect(configured.last).toMatchObject({ event: 'result', copied: 2 })
  rmSync(user.path('.config/cairn/cairn.toml'))
  // The repository that Cairn makes itself, with a passphrase that it keeps.
  expect(await user.run(['backup', 'data'], { env: {} })).toMatchObject({ code: 0 })
  const own = user.path('.local/share/cairn/repository')
  const kept = await user.json([...copy, '--to', own], { env: {} })
  expect(kept.last).toMatchObject({ event: 'result', copied: 2 })
})

test('interrupted it ends in order, and the same command goes on', {
  timeout: 60_000,
}, async () => {
  const large = user.path('large')
  user.write({ 'much/file': noise(60_000_000, 5) })
  const at = ['-r', large]
  expect(await user.run(['init', ...at], { env })).toMatchObject({ code: 0 })
  expect(await user.run(['backup', 'much', ...at], { env })).toMatchObject({ code: 0 })
  const target = await newTarget()
  const copy = ['copy', ...at, '--to', target]
  const child = user.start(copy, { env: toKey })
  child.stdin?.end()
  const done = ended(child)
  const packs = join(target, 'packs')
  while (child.exitCode === null && !existsSync(packs)) await new Promise((go) => setTimeout(go, 5))
  child.kill('SIGINT')
  const { code, stderr } = await done
  expect(code).toBe(130)
  expect(stderr).toContain('Interrupted: not everything is copied yet')
  const { last } = await user.json(copy, { env: toKey })
  expect(last).toMatchObject({ copied: 1 })
  expect(last['addedBytes']).toBeLessThan(60_000_000)
  const check = opened(target, 'check', '--read-data')
  expect(await user.run(check, { env: {} })).toMatchObject({ code: 0 })
})

test('what has other tags since it was copied does not come back a second time', async () => {
  const own = await newTarget()
  const target = await newTarget()
  const among = { CAIRN_KEY_FILE: otherKey, CAIRN_TO_KEY_FILE: otherKey }
  const inOwn = { env: { ...among, CAIRN_REPOSITORY: own } }
  expect(await user.run(['backup', 'data'], inOwn)).toMatchObject({ code: 0 })
  expect((await user.json(['copy', '--to', target], inOwn)).last).toMatchObject({ copied: 1 })
  for (const tag of ['one', 'two'])
    expect(await user.run(['tag', 'latest', '--add', tag], inOwn)).toMatchObject({ code: 0 })
  const back = { env: { ...among, CAIRN_REPOSITORY: target } }
  const { last } = await user.json(['copy', '--to', own], back)
  expect(last).toMatchObject({ copied: 0, present: 1 })
  // The other way it is new, and takes the place of the first copy there.
  expect((await user.json(['copy', '--to', target], inOwn)).last).toMatchObject({ copied: 1 })
  expect((await user.json(['snapshots'], back)).last['snapshots']).toHaveLength(1)
})
