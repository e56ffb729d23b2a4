// Snapshots that somebody forged who holds a writer's key of the same domain. What they say that no backup
// says stops no command of anybody else, and who meets them is told.

import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { TIME_MS_MAX } from '../../src/format/limits.ts'
import type { Summary } from '../../src/format/snapshot.ts'
import { openRepository, type Repository } from '../../src/repository/repository.ts'
import { systemRandom } from '../../src/sealer/random.ts'
import { openLocal } from '../../src/store/local/local-store.ts'
import { digestInName } from '../../src/store/names.ts'
import { putForged, putForgedReceipt } from '../repositories/forged.ts'
import { User } from './user.ts'

const LAST = Number.MAX_SAFE_INTEGER
const SOURCE = 'two'

const user = new User()
const env = user.keyed
const saved: string[] = []

beforeAll(async () => {
  await user.run(['init'], { env })
  await user.run(['init', '-r', user.path('copy'), '--key-file', 'copy.key'], { env })
  const writer = ['--role', 'writer', '--domain', 'default', '--new-key-file', 'writer.key']
  const added = await user.run(['key', 'add', '--label', 'attacker', ...writer], { env })
  expect(added).toMatchObject({ code: 0 })
  for (const content of ['one', 'two', 'three', 'four']) saved.push(await save(content))
})

afterAll(() => user.remove())

async function save(content: string): Promise<string> {
  user.write({ 'data/a': content })
  const { code, stderr, last } = await user.json(['backup', 'data', '--source', SOURCE], { env })
  expect({ code, stderr }).toMatchObject({ code: 0 })
  return String(last['snapshot'])
}

/** Returns the name. */
async function forge(said: Partial<Summary>, source = SOURCE): Promise<string> {
  return putForged(await open('repository', 'writer.key'), said, { source })
}

function open(folder: string, keyFile: string): Promise<Repository> {
  const path = user.path(folder)
  const place = { folder: path, path, address: path, clock: systemClock, random: systemRandom }
  const secret = readFileSync(user.path(keyFile))
  const key = { credential: { kind: 'secret' as const, secret }, random: systemRandom }
  return openRepository(openLocal(place), key)
}

describe('a time that no Date can be', () => {
  let forged: string
  const copy = ['copy', '--to', 'copy', '--to-key-file', 'copy.key']

  beforeAll(async () => {
    forged = await forge({ startedMs: LAST, endedMs: LAST, sequence: 9 })
  })

  // Those that end with 1 list what there is all the same, and say that it is not all.
  test.each([
    [['snapshots'], 1],
    [['snapshots', '--json'], 1],
    [['status'], 0],
    [['status', '--json'], 0],
    [['forget', '--keep-daily', '1', '-n'], 0],
    [['forget', '--keep-last', '3'], 0],
    [['forget', '--keep-last', '3', '--json'], 0],
    [['tag', 'latest', '--add', 'x'], 0],
    [copy, 3],
    [['check'], 1],
    [['restore', 'latest', '-t', 'out'], 0],
  ])('%j passes it over and says so', async (args, code) => {
    const { stdout, stderr, ...done } = await user.run(args, { env })
    expect({ ...done, stderr }).toMatchObject({ code })
    const told = stdout + stderr
    expect(told).toContain(forged)
    expect(told).toContain('is more than the maximum of 8640000000000000')
    expect(told).not.toContain('mistake in Cairn')
  })

  test('so it is with a receipt', async () => {
    const snapshot = digestInName(`snapshots/${saved[2]}`) as Uint8Array
    const receipt = { snapshot, sessionId: systemRandom(16), confirmedMs: LAST }
    const name = await putForgedReceipt(await open('repository', 'writer.key'), receipt)
    const { code, stderr } = await user.run(['forget', '--keep-last', '3'], { env })
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stderr).toContain(`Cannot use ${name}`)
  })

  test('snapshots lists all others', async () => {
    const { last } = await user.json(['snapshots'], { env })
    expect(last['snapshots']).toHaveLength(3)
  })

  test('forget removes one that is named', async () => {
    const { code, stderr } = await user.run(['forget', saved[1] as string, '--min', '0'], { env })
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stderr).toContain(`Cannot use ${forged}`)
    const { last } = await user.json(['snapshots'], { env })
    expect(last['snapshots']).toHaveLength(2)
  })

  test('copy has copied all others, and a backup goes on', async () => {
    const there = { ...env, CAIRN_REPOSITORY: user.path('copy'), CAIRN_KEY_FILE: 'copy.key' }
    const { code, last } = await user.json(['snapshots'], { env: there })
    expect({ code, count: (last['snapshots'] as unknown[]).length }).toEqual({ code: 0, count: 3 })
    await save('five')
  })
})

test('the last time there is can be shown, and forget refuses for it', async () => {
  const forged = await forge({ startedMs: TIME_MS_MAX, endedMs: TIME_MS_MAX }, 'late')
  const listed = await user.run(['snapshots', '--source', 'late'], { env })
  expect(listed.stdout).toContain('275760-09-1')
  await user.run(['backup', 'data', '--source', 'late'], { env })
  const refused = await user.run(['forget', '--keep-last', '1', '--source', 'late'], { env })
  expect(refused.stdout + refused.stderr).toContain('from the future: +275760-09')
  const named = ['forget', forged.slice('snapshots/'.length), '--min', '0']
  for (const args of [['status'], ['check', '--json'], named, ['undelete']]) {
    const { stdout, stderr } = await user.run(args, { env })
    expect(stdout + stderr).not.toContain('mistake in Cairn')
  }
})

test('after the last number there is, backups go on with that', async () => {
  await forge({ sequence: LAST, startedMs: 1, endedMs: 1 }, 'numbered')
  const sequences = async () => {
    const { last } = await user.json(['snapshots', '--source', 'numbered'], { env })
    return (last['snapshots'] as readonly { sequence: number }[]).map(({ sequence }) => sequence)
  }
  for (const count of [2, 3]) {
    const done = await user.run(['backup', 'data', '--source', 'numbered'], { env })
    expect(done).toMatchObject({ code: 0 })
    expect(await sequences()).toEqual(Array.from({ length: count }, () => LAST))
  }
})

test('so does a copy', async () => {
  const target = await open('copy', 'copy.key')
  await putForged(target, { sequence: LAST, startedMs: 1, endedMs: 1 }, { source: 'copied' })
  const backup = await user.run(['backup', 'data', '--source', 'copied'], { env })
  expect(backup).toMatchObject({ code: 0 })
  const to = ['--to', 'copy', '--to-key-file', 'copy.key']
  const done = await user.run(['copy', 'latest', '--source', 'copied', ...to], { env })
  expect(done.stdout).toContain('Copied 1 snapshot')
  const there = { ...env, CAIRN_REPOSITORY: user.path('copy'), CAIRN_KEY_FILE: 'copy.key' }
  const { last } = await user.json(['snapshots', '--source', 'copied'], { env: there })
  expect(last['snapshots']).toMatchObject([{ sequence: LAST }, { sequence: LAST }])
})

describe('a snapshot that names no tree', () => {
  let forged: string
  let id: string

  beforeAll(async () => {
    forged = await forge({ roots: [] }, 'treeless')
    id = forged.slice('snapshots/'.length)
  })

  test.each([
    ['restore', (one: string) => ['restore', one, '-t', 'none']],
    ['ls', (one: string) => ['ls', one]],
    ['a path', (one: string) => ['ls', `${one}:/a`]],
    ['dump', (one: string) => ['dump', `${one}:/a`]],
    ['diff', (one: string) => ['diff', 'latest', one]],
    ['find', (one: string) => ['find', 'a', '--snapshot', one]],
    ['check', () => ['check']],
    ['copy', (one: string) => ['copy', one, '--to', 'copy', '--to-key-file', 'copy.key']],
  ])('%s says so', async (_, args) => {
    const { code, stdout, stderr } = await user.run(args(id), { env })
    expect(code).not.toBe(0)
    expect(stdout + stderr).toContain('it names no tree, so that nothing of it can be restored')
    expect(stdout + stderr).toContain(id.slice(0, 8))
    expect(stdout + stderr).not.toContain('mistake in Cairn')
  })

  test('check blames the snapshot', async () => {
    const { lines } = await user.json(['check'], { env })
    const problem = { kind: 'malformed', object: forged, snapshots: [id] }
    expect(lines).toContainEqual(expect.objectContaining(problem))
  })
})
