// Forgetting, holding and bringing back, as a user does it.

import { existsSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { type Line, User } from './user.ts'

let user: User
let serial = 0
let env: Readonly<Record<string, string>>

beforeEach(async () => {
  user = new User()
  env = { ...user.keyed, TZ: 'Europe/Berlin' }
  await user.run(['init'], { env })
})

afterEach(() => user.remove())

/** Saves one snapshot and returns its id. */
async function save(...args: readonly string[]): Promise<string> {
  user.write({ 'data/a.txt': `content ${++serial}` })
  const { last } = await user.json(['backup', 'data', '--source', 'data', ...args], { env })
  return String(last['snapshot'])
}

/** So many snapshots, one a day until yesterday by the store's stamps and their own; oldest first. */
async function saveDaily(days: number): Promise<readonly string[]> {
  const ids: string[] = []
  for (let i = 0; i < days; i++) ids.push(await save())
  ids.forEach((id, i) => received(id, days - i))
  return ids
}

/** Lets a snapshot have come so many days ago. */
function received(id: string, days: number): void {
  const at = new Date(systemClock.nowMs() - days * 86_400_000)
  utimesSync(user.path('repository', 'snapshots', id), at, at)
}

async function listed(): Promise<readonly Line[]> {
  const { last } = await user.json(['snapshots'], { env })
  return last['snapshots'] as readonly Line[]
}

async function ids(): Promise<readonly unknown[]> {
  return (await listed()).map(({ id }) => id)
}

test('the plan says for every snapshot whether it stays and why; a dry run stops there', async () => {
  const saved = await saveDaily(4)
  const short = saved.map((id) => id.slice(0, 8))
  const dry = await user.run(['forget', '--keep-daily', '2', '-n'], { env })
  expect(dry).toMatchObject({ code: 0 })
  expect(dry.stdout).toContain('Source data: 2 to keep, 2 to forget')
  expect(dry.stdout).toMatch(new RegExp(`keep +${short[3]} .*daily \\d{4}-`))
  expect(dry.stdout).toMatch(new RegExp(`forget +${short[0]} `))
  expect(dry.stderr).toContain('Nothing was done')
  expect(await ids()).toEqual(saved)
  const done = await user.run(['forget', '--keep-daily', '2'], { env })
  expect(done).toMatchObject({ code: 0 })
  expect(done.stdout).toContain('2 snapshots forgotten')
  expect(await ids()).toEqual(saved.slice(2))
  expect((await user.run(['check'], { env })).code).toBe(0)
})

test('with --json there is an item for each snapshot, with --quiet nothing', async () => {
  const saved = await saveDaily(3)
  const dry = await user.json(['forget', '--keep-last', '1', '--dry-run'], { env })
  const items = dry.lines.filter(({ event }) => event === 'item')
  expect(items.map(({ id, action, rules }) => [id, action, rules])).toEqual([
    [saved[2], 'keep', ['last']],
    [saved[1], 'forget', []],
    [saved[0], 'forget', []],
  ])
  expect(dry.last).toMatchObject({ dryRun: true, kept: 1, planned: 2, forgotten: [], refused: 0 })
  const quiet = await user.run(['forget', '--keep-last', '2', '--quiet'], { env })
  expect(quiet).toMatchObject({ code: 0, stdout: '', stderr: '' })
  const { last } = await user.json(['forget', '--keep-last', '1'], { env })
  expect(last).toMatchObject({ dryRun: false, forgotten: [saved[1]], held: [], problems: 0 })
})

test('a policy is for what is chosen', async () => {
  const saved = await saveDaily(2)
  const tagged = [await save('--tag', 'x'), await save('--tag', 'x')]
  const run = (...args: readonly string[]) => user.run(['forget', ...args], { env })
  expect(await run('--tag', 'x', '--keep-last', '1')).toMatchObject({ code: 0 })
  expect(await ids()).toEqual([...saved, tagged[1]])
  expect((await run('--host', 'nobody', '--keep-last', '1')).stderr).toContain('No snapshots fit')
  expect(await run('--source', 'data', '--keep-tag', 'x')).toMatchObject({ code: 0 })
  expect(await ids()).toEqual([tagged[1]])
})

test('without rules, with ids and rules, and with nonsense nothing is done', async () => {
  const [id] = await saveDaily(1)
  const usage: readonly (readonly string[])[] = [
    [],
    ['--min', '3'],
    ['--keep-last', '0'],
    ['--keep-daily', 'x'],
    ['--keep-within', '3x'],
    ['--keep-within', '0d'],
    ['--keep-tag', 'a,,b'],
    ['--keep-last', '1', id as string],
    ['--host', 'h', id as string],
    ['--accept-flood', id as string],
  ]
  for (const args of usage) {
    const { code } = await user.run(['forget', ...args], { env })
    expect({ args, code }).toEqual({ args, code: 2 })
  }
  expect(await ids()).toEqual([id])
})

test('snapshots that are named go, but not the last one of a source', async () => {
  const saved = await saveDaily(3)
  const forget = (...args: readonly string[]) => user.run(['forget', ...args], { env })
  expect(await forget((saved[0] as string).slice(0, 8))).toMatchObject({ code: 0 })
  const both = await forget(saved[1] as string, saved[2] as string)
  expect(both).toMatchObject({ code: 3 })
  expect(both.stderr).toContain('--min 0')
  expect(await ids()).toEqual(saved.slice(1))
  expect(await forget('--min', '0', saved[1] as string, saved[2] as string)).toMatchObject({
    code: 0,
  })
  expect(await ids()).toEqual([])
})

test('what is held is shown, stays, and can be released', async () => {
  const saved = await saveDaily(3)
  const run = (...args: readonly string[]) => user.run(args, { env })
  expect(await run('hold', saved[0] as string, '--reason', 'the audit')).toMatchObject({ code: 0 })
  expect((await run('snapshots')).stdout).toContain('held: the audit')
  expect((await listed()).map(({ held }) => held)).toEqual([true, false, false])
  const plan = await run('forget', '--keep-last', '1')
  expect(plan.stdout).toMatch(new RegExp(`keep +${(saved[0] as string).slice(0, 8)} .* held`))
  expect(await ids()).toEqual([saved[0], saved[2]])
  const named = await run('forget', saved[0] as string)
  expect(named).toMatchObject({ code: 3 })
  expect(named.stderr).toContain('is held')
  expect((await run('release', saved[0] as string)).stdout).toContain('is released')
  expect((await run('release', saved[0] as string)).stdout).toContain('was not held')
  expect(await run('forget', saved[0] as string)).toMatchObject({ code: 0 })
  expect((await run('check')).code).toBe(0)
})

test('what was forgotten can be had back, and its old id says where it is', async () => {
  const [id = ''] = await saveDaily(2)
  const run = (...args: readonly string[]) => user.run(args, { env })
  await run('forget', '--keep-last', '1')
  expect((await run('undelete')).stdout).toContain(id.slice(0, 8))
  const { last } = await user.json(['undelete'], { env })
  expect(last['snapshots']).toMatchObject([{ id, source: 'data', confirmed: true }])
  expect(await run('undelete', 'abcdef')).toMatchObject({ code: 1 })
  const done = await user.json(['undelete', id.slice(0, 8)], { env })
  const [{ after } = {}] = done.last['snapshots'] as readonly { readonly after?: string }[]
  expect(await ids()).toContain(after)
  expect((await run('ls', id.slice(0, 8))).stderr).toContain(`it is now ${after?.slice(0, 8)}`)
  expect(await run('undelete', id)).toMatchObject({ code: 0 })
  expect((await run('undelete')).stderr).toContain('Nothing that was forgotten')
  const restored = await run('restore', after as string, '--target', 'out')
  expect(restored).toMatchObject({ code: 0 })
  expect((await run('check', '--read-data')).code).toBe(0)
})

test('a machine that is backed up forgets nothing, upkeep does and reads nothing', async () => {
  const saved = await saveDaily(2)
  const key = async (role: string, ...args: readonly string[]) => {
    const file = user.path(`${role}.key`)
    const add = ['key', 'add', '--label', role, '--role', role, '--new-key-file', file, ...args]
    expect(await user.run(add, { env })).toMatchObject({ code: 0 })
    return { ...env, CAIRN_KEY_FILE: file }
  }
  const writer = { env: await key('writer', '--domain', 'default') }
  for (const args of [['forget', '--keep-last', '1'], ['hold', saved[0] as string], ['undelete']])
    expect(await user.run(args, writer)).toMatchObject({ code: 12 })
  const upkeep = { env: await key('upkeep') }
  expect(await user.run(['forget', '--keep-tag', 'x'], upkeep)).toMatchObject({ code: 12 })
  const { stdout } = await user.run(['forget', '--keep-last', '1'], upkeep)
  expect(stdout).not.toContain('Source data')
  expect(await ids()).toEqual([saved[1]])
  expect((await user.run(['undelete', saved[0] as string], upkeep)).code).toBe(0)
  // Of a machine that came after it upkeep holds no key, and says so.
  const later = user.path('later.key')
  const add = ['key', 'add', '--label', 'later', '--role', 'writer', '--new-key-file', later]
  expect(await user.run(add, { env })).toMatchObject({ code: 0 })
  const machine = { env: { ...env, CAIRN_KEY_FILE: later } }
  expect(await user.run(['backup', 'data'], machine)).toMatchObject({ code: 0 })
  const prune = await user.run(['prune'], upkeep)
  expect(prune.stderr).toContain('There is 1 more snapshot that this key may not read')
})

describe('clocks', () => {
  test('a snapshot from the future is told, and nothing of its source forgotten', async () => {
    const saved = await saveDaily(3)
    received(saved[2] as string, -2)
    const done = await user.run(['forget', '--keep-last', '1'], { env })
    expect(done).toMatchObject({ code: 3 })
    expect(done.stderr).toContain('from the future')
    expect(await ids()).toEqual(saved)
    const { lines } = await user.json(['forget', '--keep-last', '1'], { env })
    const refusals = lines.flatMap(({ refusal }) => (refusal === undefined ? [] : [refusal]))
    expect(refusals).toEqual(['future', 'clock'])
    const accepted = await user.run(['forget', '--keep-last', '1', '--accept-clock'], { env })
    expect(accepted).toMatchObject({ code: 0 })
  })

  test("a store's clock that went back is noticed by a machine that was there", async () => {
    await saveDaily(3)
    await user.run(['forget', '--keep-last', '2'], { env })
    const folder = user.path('.local/state/cairn/repositories')
    const path = join(folder, readdirSync(folder)[0] as string)
    const state = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
    const storeTimeMs = Number(state['storeTimeMs']) + 86_400_000
    writeFileSync(path, JSON.stringify({ ...state, storeTimeMs }))
    const done = await user.run(['forget', '--keep-last', '1'], { env })
    expect(done).toMatchObject({ code: 3 })
    expect(done.stderr).toContain("the store's clock went back")
    const accepted = ['forget', '--keep-last', '1', '--accept-clock']
    expect(await user.run(accepted, { env })).toMatchObject({ code: 0 })
    expect(await user.run(['forget', '--keep-last', '1'], { env })).toMatchObject({ code: 0 })
  })

  test('one that jumped on is refused again, by prune too, until somebody says that it is right', async () => {
    const saved = await saveDaily(3)
    await user.run(['forget', '--keep-last', '2'], { env })
    const folder = user.path('.local/state/cairn/repositories')
    const path = join(folder, readdirSync(folder)[0] as string)
    const state = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
    // As if the last run had been before the store's clock went on by 200 days, and all else too.
    const storeTimeMs = Number(state['storeTimeMs']) - 200 * 86_400_000
    writeFileSync(path, JSON.stringify({ ...state, storeTimeMs }))
    for (const id of saved.slice(1)) received(id, 200)
    rmSync(user.path('repository/sightings'), { recursive: true, force: true })
    for (let again = 0; again < 2; again++) {
      const refused = await user.run(['forget', '--keep-last', '1'], { env })
      expect(refused).toMatchObject({ code: 3 })
      expect(refused.stderr).toContain('no snapshot came in between')
      const prune = await user.run(['prune', '--undelete-window', '1s'], { env })
      expect(prune).toMatchObject({ code: 3 })
      expect(prune.stderr).toContain('Nothing is deleted or marked: ')
      expect(readdirSync(user.path('repository'))).not.toContain('marks')
    }
    const { lines, last } = await user.json(['prune'], { env })
    expect(lines.find(({ event }) => event === 'problem')).toMatchObject({ refusal: 'clock' })
    expect(last).toMatchObject({ refused: true, marks: [] })
    const accepted = ['prune', '--undelete-window', '1s', '--accept-clock']
    expect(await user.run(accepted, { env })).toMatchObject({ code: 0 })
    expect(await user.run(['prune'], { env })).toMatchObject({ code: 0 })
  })
})

describe('in a copy', () => {
  const keepDaily = ['forget', '--keep-daily', '10', '-n', '-r']

  test('that somebody with a key has made, snapshots are as old as in the source', async () => {
    await saveDaily(3)
    const copy = user.path('copy')
    expect(await user.run(['sync', '--to', copy], { env })).toMatchObject({ code: 0, stderr: '' })
    const { last } = await user.json([...keepDaily, copy], { env })
    expect(last).toMatchObject({ kept: 3, planned: 0 })
  })

  test('that was made without a key, all are of today, and the next sync with one changes that', async () => {
    await saveDaily(3)
    const copy = user.path('copy')
    const repository = env['CAIRN_REPOSITORY'] ?? ''
    await user.run(['sync', '--to', copy], { env: { CAIRN_REPOSITORY: repository } })
    expect((await user.json([...keepDaily, copy], { env })).last).toMatchObject({ kept: 1 })
    await user.run(['sync', '--to', copy], { env })
    expect((await user.json([...keepDaily, copy], { env })).last).toMatchObject({ kept: 3 })
  })

  test('a key of a writer copies, and nothing is said', async () => {
    await save()
    const key = { CAIRN_KEY_FILE: user.path('writer.key') }
    const add = ['key', 'add', '--role', 'writer', '--label', 'web', '--new-key-file']
    expect(await user.run([...add, key.CAIRN_KEY_FILE], { env })).toMatchObject({ code: 0 })
    const done = await user.run(['sync', '--to', user.path('copy')], { env: { ...env, ...key } })
    expect(done).toMatchObject({ code: 0, stderr: '' })
    expect(existsSync(user.path('repository', 'sightings'))).toBe(false)
  })

  test('a key that opens nothing is told, and all is copied', async () => {
    await save()
    await user.run(['init', '-r', user.path('other')], {
      env: { CAIRN_KEY_FILE: user.path('other.key') },
    })
    const wrong = { ...env, CAIRN_KEY_FILE: user.path('other.key') }
    const done = await user.run(['sync', '--to', user.path('copy')], { env: wrong })
    expect(done.stderr).toMatch(/^warning: When the source .* was not written down, .* Wrong key/)
    expect(done.code).toBe(0)
    expect(readdirSync(user.path('copy', 'snapshots'))).toHaveLength(1)
  })
})
