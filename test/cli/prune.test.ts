// Waiting for what was marked, and a signal in the middle.

import { readdirSync } from 'node:fs'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { userWhoSavedTwice } from './saved-twice.ts'
import { ended, type User } from './user.ts'

let user: User

beforeEach(async () => {
  user = await userWhoSavedTwice()
  expect(await run('forget', '--keep-last', '1')).toMatchObject({ code: 0 })
})

afterEach(() => {
  user.remove()
})

const run = (...args: readonly string[]) => user.run(args, { env: user.keyed })

function namesIn(folder: string): readonly string[] {
  const isThere = readdirSync(user.path('repository')).includes(folder)
  return isThere ? readdirSync(user.path('repository', folder)) : []
}

const NOW = ['--undelete-window', '0s', '--grace', '3s']

test('--wait waits for what an earlier run has marked, and deletes it', async () => {
  expect((await run('prune', ...NOW)).stdout).toContain('Marks ')
  expect(namesIn('marks')).toHaveLength(1)
  const { code, stdout, stderr } = await run('prune', ...NOW, '--wait')
  expect(code).toBe(0)
  expect(stdout).toMatch(/Waits with \d+ packs? that (is|are) marked until/)
  expect(stdout).not.toContain('Marks ')
  expect(stderr).toContain('Waiting for ')
  expect(stdout).toMatch(/Deletes what was marked: [1-9]/)
  expect(namesIn('marks')).toEqual([])
})

test('it says why nothing is freed of what was just forgotten, and until when', async () => {
  const planned = async (...args: readonly string[]) => {
    const { lines } = await user.json(['prune', '--dry-run', ...args], { env: user.keyed })
    return lines.find(({ event }) => event === 'item') as unknown as {
      readonly neededBytes: number
      readonly forgottenBytes: number
    }
  }
  expect((await run('prune', '--dry-run')).stdout).toMatch(
    / of them only for what was forgotten and can be had back, the last of it until 20\d\d-/,
  )
  const { neededBytes, forgottenBytes } = await planned()
  expect(forgottenBytes).toBeGreaterThan(0)
  const later = await planned('--undelete-window', '0s')
  expect(later).toMatchObject({ neededBytes: neededBytes - forgottenBytes, forgottenBytes: 0 })
})

test('one pack is marked, and two are', async () => {
  const marked = await user.json(['prune', ...NOW], { env: user.keyed })
  const plan = marked.lines.find(({ event }) => event === 'item') as unknown as {
    readonly mark: { readonly packs: readonly string[] }
  }
  const are = plan.mark.packs.length === 1 ? '1 pack that is' : '2 packs that are'
  expect((await run('prune', '--dry-run')).stdout).toContain(`Waits with ${are} marked until`)
})

test('undelete of what is in marked packs leaves one snapshot, and says when it works', async () => {
  expect(await run('prune', ...NOW)).toMatchObject({ code: 0 })
  const { last } = await user.json(['undelete'], { env: user.keyed })
  const [{ id }] = last['snapshots'] as [{ readonly id: string }]
  for (let times = 0; times < 2; times++) {
    const { code, stderr } = await run('undelete', id)
    expect(code).toBe(1)
    expect(stderr).toContain('24 hours unless --grace says otherwise')
    expect(stderr).toContain('`cairn prune --wait` waits for that')
    expect(namesIn('snapshots')).toHaveLength(2)
  }
  expect(await run('prune', ...NOW, '--wait')).toMatchObject({ code: 0 })
  expect(await run('undelete', id)).toMatchObject({ code: 0 })
  // The one that was left counts no more than before; prune takes it in a month.
  expect(namesIn('snapshots')).toHaveLength(3)
  expect((await run('snapshots')).stdout.match(/unconfirmed/g)).toHaveLength(1)
  expect(await run('check', '--read-data')).toMatchObject({ code: 0 })
})

test('status says what can still be had back, and until when', async () => {
  const { stdout } = await run('status')
  expect(stdout).toMatch(
    /^1 forgotten snapshot can be had back \(`cairn undelete`\), until \d{4}-/m,
  )
  const offered = await user.json(['undelete'], { env: user.keyed })
  const [{ id, until }] = offered.last['snapshots'] as [Readonly<Record<string, string>>]
  const { last } = await user.json(['status'], { env: user.keyed })
  expect(last['undeletable']).toMatchObject([{ id, until }])
  user.write({ 'source/file': 'three' })
  expect(await run('backup', 'source')).toMatchObject({ code: 0 })
  expect(await run('forget', '--keep-last', '1')).toMatchObject({ code: 0 })
  expect((await run('status')).stdout).toContain('2 forgotten snapshots can be had back')
  expect((await run('status')).stdout).toContain(', the first of them until ')
  expect(await run('undelete', id as string)).toMatchObject({ code: 0 })
  expect((await run('status')).stdout).toContain('1 forgotten snapshot can')
})

test('--wait does not wait where nothing is marked', async () => {
  const { code, stderr } = await run('prune', '--grace', '3s', '--wait')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
})

test.each(['SIGINT', 'SIGTERM'] as const)(
  '%s ends it between two steps, and the next run does it',
  async (signal) => {
    // Nobody's objects that make the survey long enough for a signal to come.
    for (let i = 0; i < 3000; i++)
      user.write({ [`repository/sightings/${String(i).padStart(64, '0')}`]: 'nobody' })
    const child = user.start(['prune', ...NOW], { env: user.keyed })
    const end = ended(child)
    while (namesIn('leases').length === 0) await new Promise((resolve) => setTimeout(resolve, 1))
    child.kill(signal)
    const { code, stderr } = await end
    expect(code).toBe(130)
    expect(stderr).toContain('Stopping: ')
    expect(stderr).toContain('Interrupted: not everything is done yet')
    expect(namesIn('marks')).toEqual([])
    expect(await run('prune', ...NOW)).toMatchObject({ code: 0 })
    expect(namesIn('marks')).toHaveLength(1)
  },
)
