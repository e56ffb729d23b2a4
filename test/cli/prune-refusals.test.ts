// What this machine knows to be missing keeps prune from marking and deleting anything, until somebody brings it
// back or gives it up; and so does a repository in which nothing is left that says what its packs are for.

import { readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { userWhoSavedTwice } from './saved-twice.ts'
import type { User } from './user.ts'

let user: User

beforeEach(async () => {
  user = await userWhoSavedTwice()
})

afterEach(() => {
  user.remove()
})

const run = (...args: readonly string[]) => user.run(args, { env: user.keyed })

const folder = (name: string) => user.path('repository', name)

function marks(): number {
  return readdirSync(user.path('repository')).includes('marks')
    ? readdirSync(folder('marks')).length
    : 0
}

/** Removes the newest object of each of these folders. */
function cutOff(...folders: readonly string[]): void {
  for (const name of folders) {
    const times = readdirSync(folder(name)).map((one) => ({
      path: join(folder(name), one),
      ms: statSync(join(folder(name), one)).mtimeMs,
    }))
    rmSync(times.sort((a, b) => a.ms - b.ms).at(-1)?.path as string)
  }
}

const PRUNES = [
  ['prune'],
  ['prune', '--dry-run'],
  ['forget', '--keep-last', '5', '--prune'],
  ['forget', '--keep-last', '5', '--prune', '--dry-run'],
]

describe('a snapshot that this machine knew is gone', () => {
  test.each(PRUNES)('%s %s: nothing is marked', async (...command) => {
    cutOff('snapshots', 'receipts')
    for (let times = 0; times < 2; times++) {
      const { code, stderr } = await run(...command)
      expect(code).toBe(3)
      expect(stderr.match(/warning: /g)).toHaveLength(1)
      expect(stderr).toMatch(/Nothing is deleted or marked: snapshot [0-9a-f]{8} is gone/)
      expect(stderr).toContain('cairn repair --from COPY')
      expect(stderr).toContain('cairn repair --mark-lost')
    }
    const { last, lines } = await user.json(command, { env: user.keyed })
    expect(lines.find(({ event }) => event === 'problem')).toMatchObject({
      refusal: 'snapshot-missing',
    })
    expect(last['prune'] ?? last).toMatchObject({ refused: true, marks: [], removedPacks: 0 })
    expect(marks()).toBe(0)
    expect(await run('repair', '--mark-lost')).toMatchObject({ code: 0 })
    expect(await run(...command, '--quiet')).toMatchObject({ code: 0, stderr: '' })
    expect(marks()).toBe(command.includes('--dry-run') ? 0 : 1)
  })

  test('and a copy brings it back', async () => {
    expect(await run('sync', '--to', user.path('copy'))).toMatchObject({ code: 0 })
    cutOff('snapshots', 'receipts')
    expect(await run('prune')).toMatchObject({ code: 3 })
    expect(await run('repair', '--from', user.path('copy'))).toMatchObject({ code: 0 })
    expect(await run('prune')).toMatchObject({ code: 0, stderr: '' })
    expect((await run('snapshots')).stdout).toContain('2 snapshots')
  })

  test('or only its receipt, which a repair puts again', async () => {
    cutOff('receipts')
    expect(await run('prune')).toMatchObject({ code: 3 })
    expect(await run('repair')).toMatchObject({ code: 0 })
    expect(await run('prune')).toMatchObject({ code: 0, stderr: '' })
  })
})

test('elsewhere its receipt tells of it: nothing more is marked until a copy brings it back', async () => {
  const env = { ...user.keyed, XDG_STATE_HOME: user.path('elsewhere') }
  const prune = () => user.run(['prune'], { env })
  expect(await run('sync', '--to', user.path('copy'))).toMatchObject({ code: 0 })
  cutOff('snapshots')
  const { code, stdout, stderr } = await prune()
  expect(code).toBe(3)
  expect(stdout).toContain('Marks nothing more, because a snapshot is missing')
  expect(stderr).toMatch(/^obstacle: snapshots\/[0-9a-f]{64}: this snapshot is gone, receipts/)
  const { lines } = await user.json(['prune', '--dry-run'], { env })
  expect(lines.find(({ action }) => action === 'plan')).toMatchObject({ blocked: 'marking' })
  expect(marks()).toBe(0)
  expect(await run('repair', '--from', user.path('copy'))).toMatchObject({ code: 0 })
  expect(await prune()).toMatchObject({ code: 0, stderr: '' })
})

test.each(['hold', 'release'])('a hold that is gone stops prune until %s', async (command) => {
  expect(await run('hold', 'latest')).toMatchObject({ code: 0 })
  rmSync(folder('holds'), { recursive: true })
  for (const prune of PRUNES.slice(0, 2)) {
    const { code, stderr } = await run(...prune)
    expect(code).toBe(3)
    expect(stderr).toMatch(/Nothing is deleted or marked: .*this hold of snapshot/)
  }
  expect(await run(command, 'latest')).toMatchObject({ code: 0 })
  expect(await run('prune')).toMatchObject({ code: 0, stderr: '' })
})

describe('packs and no snapshot', () => {
  beforeEach(() => {
    // As an interrupted first backup leaves it: this machine knows of none.
    for (const name of ['snapshots', 'receipts']) rmSync(folder(name), { recursive: true })
    rmSync(user.path('.local/state'), { recursive: true })
  })

  test.each(PRUNES.slice(0, 2))('%s %s: nothing is marked', async (...command) => {
    const { code, stderr } = await run(...command)
    expect(code).toBe(3)
    expect(stderr).toContain('there are packs, and no snapshot')
    expect(stderr).toContain('the next backup uses them')
    expect(stderr).toContain('cairn repair --from COPY')
    expect(marks()).toBe(0)
    expect(await run('backup', 'source')).toMatchObject({ code: 0 })
    expect(await run(...command)).toMatchObject({ code: 0, stderr: '' })
  })

  test('junk that nobody signed is no snapshot', async () => {
    user.write({ [`repository/snapshots/${'0'.repeat(64)}`]: 'junk' })
    expect(await run('prune')).toMatchObject({ code: 3 })
    expect(marks()).toBe(0)
  })

  test('check warns of it, with --quiet too, and passes', async () => {
    const { code, stderr } = await run('check', '--quiet')
    expect(code).toBe(0)
    expect(stderr).toMatch(/^warning: There are packs, and no snapshot/)
    const { lines } = await user.json(['check'], { env: user.keyed })
    expect(lines.find(({ event }) => event === 'warning')).toMatchObject({ code: 'no-snapshot' })
  })
})

test('so it is where some was forgotten, and the rest went without that', async () => {
  expect(await run('backup', 'source')).toMatchObject({ code: 0 })
  expect(await run('forget', '--keep-last', '2')).toMatchObject({ code: 0 })
  for (const name of ['snapshots', 'receipts']) rmSync(folder(name), { recursive: true })
  const env = { ...user.keyed, XDG_STATE_HOME: user.path('elsewhere') }
  for (const prune of PRUNES.slice(0, 2)) {
    const { code, stderr } = await user.run(prune, { env })
    expect(code).toBe(3)
    expect(stderr).toContain('nobody has forgotten all that there were')
  }
  expect(marks()).toBe(0)
  const check = await user.run(['check'], { env })
  expect(check.stderr).toContain('warning: There are packs, and no snapshot')
})

test('where all was forgotten on purpose prune goes on, and check does not warn', async () => {
  for (let times = 0; times < 2; times++)
    expect(await run('forget', 'latest', '--min', '0')).toMatchObject({ code: 0 })
  expect(await run('check')).toMatchObject({ code: 0, stderr: '' })
  expect(await run('prune', '--undelete-window', '0s')).toMatchObject({ code: 0, stderr: '' })
  expect(marks()).toBe(1)
})

test('in an empty repository there is nothing to refuse', async () => {
  const empty = { ...user.keyed, CAIRN_REPOSITORY: user.path('empty') }
  expect(await user.run(['init'], { env: empty })).toMatchObject({ code: 0 })
  expect(await user.run(['prune'], { env: empty })).toMatchObject({ code: 0, stderr: '' })
  expect(await user.run(['check', '--quiet'], { env: empty })).toMatchObject({ stderr: '' })
})
