// What is the newest where snapshots were copied in another order than they were made: the one that was begun
// last, to every command, whatever numbers the copies have.

import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { User } from './user.ts'

const user = new User()
const env = user.keyed
const otherKey = user.path('other-key')
const toKey = { ...env, CAIRN_TO_KEY_FILE: otherKey }

interface Listed {
  readonly id: string
  readonly tags: readonly string[]
  readonly sequence: number
}

async function succeed(args: readonly string[], where = env): Promise<string> {
  const done = await user.run(args, { env: where })
  expect(done).toMatchObject({ code: 0 })
  return done.stdout
}

beforeAll(async () => {
  await succeed(['init'])
  for (const tag of ['first', 'second', 'third']) {
    user.write({ 'data/a': tag })
    await succeed(['backup', 'data', '--source', 'one', '--tag', tag])
  }
})

afterAll(() => user.remove())

/** A repository into which the newest came first, in one way or the other. */
const WAYS: Readonly<Record<string, (target: string) => Promise<unknown>>> = {
  'the newest was copied before the others': (target) =>
    succeed(['copy', '--to', target, 'latest', '--source', 'one'], toKey),
  'what was forgotten there was copied again': async (target) => {
    await succeed(['copy', '--to', target], toKey)
    await succeed(['forget', '--keep-last', '1'], there(target))
  },
}

function there(target: string): Readonly<Record<string, string>> {
  return { CAIRN_REPOSITORY: target, CAIRN_KEY_FILE: otherKey }
}

describe.each(Object.entries(WAYS))('where %s', (name, prepare) => {
  const target = user.path(name.replaceAll(' ', '-'))
  const env = there(target)
  const at = (...args: readonly string[]) => succeed(args, env)

  async function list(...options: readonly string[]): Promise<readonly Listed[]> {
    const { last } = await user.json(['snapshots', ...options], { env })
    return last['snapshots'] as readonly Listed[]
  }

  beforeAll(async () => {
    await at('init')
    await prepare(target)
    expect((await list()).flatMap(({ tags }) => tags)).toEqual(['third'])
    await succeed(['copy', '--to', target], toKey)
    const listed = await list()
    expect(listed.flatMap(({ tags }) => tags)).toEqual(['first', 'second', 'third'])
    const numbers = listed.map(({ sequence }) => sequence)
    expect(numbers[2]).toBeLessThan(numbers[0] as number)
  })

  test.each([
    ['latest', 'third'],
    ['latest~1', 'second'],
    ['latest~2', 'first'],
  ])('%s goes by time', async (which, tag) => {
    const path = `${which}:${user.path('data/a')}`
    expect(await at('dump', path)).toBe(tag)
    expect(await at('dump', path, '--source', 'one')).toBe(tag)
  })

  test('so do the last ones that are listed, and the status', async () => {
    expect((await list('--latest', '1')).flatMap(({ tags }) => tags)).toEqual(['third'])
    expect((await list('--latest', '2')).flatMap(({ tags }) => tags)).toEqual(['second', 'third'])
    const [{ id } = { id: '' }] = await list('--latest', '1')
    expect(await at('status')).toContain(`3 snapshots, the last ${id.slice(0, 8)} of`)
  })

  test('so does what this machine misses when it is gone', async () => {
    const [{ id } = { id: '' }] = await list('--tag', 'third')
    const states = user.path('.local/state/cairn/repositories')
    const texts = readdirSync(states).map((one) => readFileSync(`${states}/${one}`, 'utf8'))
    const own = texts.find((text) => text.includes(target))
    const { newest } = JSON.parse(own ?? '{}') as { newest?: Readonly<Record<string, string>> }
    expect(Object.values(newest ?? {})).toEqual([id])
  })

  test('check finds no fault, and the next backup compares with the last and has a number of its own', async () => {
    await at('check')
    const path = user.path('data')
    const { last } = await user.json(['backup', path, '--source', 'one'], { env })
    const listed = await list()
    expect(last['parent']).toBe(listed[2]?.id)
    const numbers = listed.map(({ sequence }) => sequence)
    expect(numbers[3]).toBe(1 + Math.max(...numbers.slice(0, 3)))
    await at('check')
  })
})
