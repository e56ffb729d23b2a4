// Two runs that did not know of each other, as of a machine and its clone: their snapshots have the same
// number. What is the newest is then the same to every command, each time.

import { cpSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { User } from './user.ts'

const user = new User()
const env = user.keyed
const twin = { ...env, CAIRN_REPOSITORY: user.path('twin'), XDG_STATE_HOME: user.path('state') }

interface Listed {
  readonly id: string
  readonly sequence: number
  readonly tags: readonly string[]
}

async function save(tag: string, where = env): Promise<void> {
  user.write({ 'data/a': tag })
  const done = await user.run(['backup', 'data', '--tag', tag], { env: where })
  expect(done).toMatchObject({ code: 0 })
}

async function list(...options: readonly string[]): Promise<readonly Listed[]> {
  const { last } = await user.json(['snapshots', ...options], { env })
  return last['snapshots'] as readonly Listed[]
}

beforeAll(async () => {
  await user.run(['init'], { env })
  await save('first')
  cpSync(user.path('repository'), user.path('twin'), { recursive: true })
  await save('here')
  await save('there', twin)
  cpSync(user.path('twin'), user.path('repository'), { recursive: true, force: false })
})

afterAll(() => user.remove())

test('all are listed, in the order of their time', async () => {
  const listed = await list()
  expect(listed.map(({ sequence }) => sequence)).toEqual([1, 2, 2])
  expect(listed.flatMap(({ tags }) => tags)).toEqual(['first', 'here', 'there'])
})

test('the newest of a source is the one that was begun later', async () => {
  expect((await list('--latest', '1')).flatMap(({ tags }) => tags)).toEqual(['there'])
  expect((await list('--latest', '2')).flatMap(({ tags }) => tags)).toEqual(['here', 'there'])
})

test.each([
  ['latest', 'there'],
  ['latest~1', 'here'],
  ['latest~2', 'first'],
])('%s is what was begun later, then the other, then the one before both', async (which, tag) => {
  const restored = await user.run(['dump', `${which}:${user.path('data/a')}`], { env })
  expect(restored).toMatchObject({ code: 0, stdout: tag })
})

test('check finds no fault in it, and notes it', async () => {
  const { code, last } = await user.json(['check'], { env })
  expect(code).toBe(0)
  expect(last['notes']).toHaveLength(1)
})

test('the next snapshot has the next number', async () => {
  await save('fourth')
  expect((await list()).map(({ sequence }) => sequence)).toEqual([1, 2, 2, 3])
})
