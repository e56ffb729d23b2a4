// Snapshots that are there and not for the key in use: nobody is told that there are none.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { User } from './user.ts'

const user = new User()
const env = user.keyed
const as = (key: string) => ({ ...env, CAIRN_KEY_FILE: user.path(`${key}.key`) })
let id = ''

beforeAll(async () => {
  user.write({ 'data/a.txt': 'aaa' })
  await user.run(['init'], { env })
  const { last } = await user.json(['backup', 'data'], { env })
  id = String(last['snapshot'])
  const add = async (label: string, ...args: readonly string[]) => {
    const make = ['key', 'add', '--label', label, '--new-key-file', `${label}.key`, ...args]
    expect(await user.run(make, { env })).toMatchObject({ code: 0 })
  }
  await add('auditor', '--role', 'reader')
  // A domain of its own, which the reader's key was not made for.
  await add('apart', '--role', 'writer')
})

afterAll(() => user.remove())

const commands: readonly (readonly string[])[] = [
  ['snapshots'],
  ['ls', 'latest'],
  ['restore', 'latest', '-t', 'out'],
  ['dump', 'latest:/a'],
  ['find', 'a.txt'],
  ['diff', 'latest~1', 'latest'],
]

test('who may read none of them is told so', async () => {
  for (const args of commands) {
    const done = await user.run(args, { env: as('apart') })
    expect(done.stderr).toContain('this key may not read the only snapshot in the repository')
    expect({ args, code: done.code }).toEqual({ args, code: 12 })
  }
})

test('one that is named is known by its id, and not permitted', async () => {
  const ids = [id, id.slice(0, 8)]
  const byId = ids.flatMap((name) => [
    ['ls', name],
    ['restore', name, '-t', 'out'],
    ['dump', `${name}:/a`],
    ['find', '--snapshot', name, 'a'],
    ['diff', name, name],
    ['tag', name, '--add', 'x'],
  ])
  for (const args of byId) {
    const { code, stderr } = await user.run(args, { env: as('apart') })
    expect({ args, code }).toEqual({ args, code: 12 })
    expect(stderr).toContain(
      `this key may not read snapshot ${args.find((a) => a.startsWith(id.slice(0, 8)))?.split(':')[0]}`,
    )
  }
  const unknown = id.startsWith('0000') ? '1111' : '0000'
  expect((await user.run(['ls', unknown], { env: as('apart') })).code).toBe(1)
})

test('are counted where only numbers are asked for', async () => {
  for (const command of ['stats', 'check']) {
    const done = await user.run([command], { env: as('apart') })
    expect(done.stderr).toContain('There is 1 more snapshot that this key may not read.')
    const { code, last } = await user.json([command], { env: as('apart') })
    expect(code).toBe(0)
    expect(last['closed']).toBe(1)
  }
})

test('beside own ones are a note, and none to who may read all', async () => {
  expect((await user.run(['backup', 'data'], { env: as('apart') })).code).toBe(0)
  const mine = await user.run(['snapshots'], { env: as('auditor') })
  expect(mine).toMatchObject({ code: 0 })
  expect(mine.stdout).toContain('1 snapshot\n')
  expect(mine.stderr).toBe('There is 1 more snapshot that this key may not read.\n')
  const found = await user.run(['find', 'a.txt'], { env: as('auditor') })
  expect(found.stderr).toContain('in 1 snapshot.\nThere is 1 more snapshot')
  const latest = await user.run(['ls', 'latest'], { env: as('auditor') })
  expect(latest.code).toBe(0)
  const all = await user.json(['snapshots'], { env })
  expect(all.last).toMatchObject({ closed: 0, snapshots: [{}, {}] })
  expect((await user.run(['snapshots'], { env })).stderr).toBe('')
})

test('are not there in a repository that is empty', async () => {
  const empty = { ...env, CAIRN_REPOSITORY: user.path('empty'), CAIRN_KEY_FILE: 'empty.key' }
  await user.run(['init'], { env: empty })
  expect(await user.run(['snapshots'], { env: empty })).toMatchObject({
    code: 0,
    stderr: 'No snapshots yet.\n',
  })
  const latest = await user.run(['ls', 'latest'], { env: empty })
  expect(latest.stderr).toContain('There is no snapshot in the repository yet')
  expect(latest.code).toBe(1)
})
