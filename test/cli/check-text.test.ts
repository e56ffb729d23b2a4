// What check and repair print: few lines where many objects are no good, one for all that affects something, and
// the same numbers as other commands.

import { readdirSync, statSync, truncateSync } from 'node:fs'
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

test('check counts snapshots as the other commands do, after tags were changed', async () => {
  expect(await run('tag', 'latest', '--add', 'kept')).toMatchObject({ code: 0 })
  const listed = await user.json(['snapshots'], { env: user.keyed })
  expect(listed.last['snapshots']).toHaveLength(2)
  expect((await run('check')).stdout).toContain(' 2 snapshots, ')
  const { last } = await user.json(['check'], { env: user.keyed })
  expect(last).toMatchObject({ snapshots: 2, unconfirmed: 0 })
})

describe('many objects of no use', () => {
  const JUNK = 20

  beforeEach(() => {
    for (let i = 0; i < JUNK; i++) {
      const digits = String(i).padStart(2, '0')
      user.write({ [`repository/keys/${digits.repeat(32)}`]: `junk ${i}` })
      user.write({ [`repository/holds/${digits.repeat(32)}`]: `junk ${i}` })
    }
  })

  const linesIn = (text: string, folder: string) =>
    text.split('\n').filter((line) => line.includes(folder))

  test.each([['check'], ['repair', '--dry-run']])('%s %s names a few', async (...command) => {
    const { code, stdout, stderr } = await run(...command)
    expect(code).toBe(1)
    for (const folder of ['keys/', 'holds/']) {
      const problems = linesIn(stderr, folder).filter((line) => line.startsWith('damaged: '))
      expect(problems).toHaveLength(4)
      expect(problems.at(-1)).toContain(`17 more objects in ${folder}`)
      expect(linesIn(stdout + stderr, folder).length).toBeLessThan(15)
    }
    expect(stdout).toContain('40 problems')
    const all = await run(...command, '--verbose')
    expect(all.stderr.match(/^damaged: keys\//gm)).toHaveLength(JUNK)
    const { lines } = await user.json(command, { env: user.keyed })
    expect(lines.filter(({ event }) => event === 'problem')).toHaveLength(2 * JUNK)
  })

  test('a machine that does not know its key yet passes them over with as few lines', async () => {
    for (let i = 0; i < JUNK; i++)
      user.write({ [`repository/keys/${'0'.repeat(62)}${i + 10}`]: `junk ${i}` })
    const env = { ...user.keyed, XDG_STATE_HOME: user.path('elsewhere') }
    const { code, stderr } = await user.run(['stats'], { env })
    expect(code).toBe(0)
    expect(stderr).toContain('more objects in keys/')
    expect(linesIn(stderr, 'keys/').length).toBeLessThan(5)
  })

  test('repair says what puts damaged keys away', async () => {
    const { stderr } = await run('repair')
    expect(stderr).toContain('--mark-lost also puts damaged objects of keys/ into quarantine')
    const marking = await run('repair', '--mark-lost')
    expect(marking).toMatchObject({ code: 0 })
    expect(marking.stderr).not.toContain('also puts')
    expect(await run('check')).toMatchObject({ code: 0, stderr: '' })
  })

  test('a pack that files are lost with is named beside them', async () => {
    const packs = readdirSync(user.path('repository/packs'), { recursive: true })
      .map((name) => user.path('repository/packs', String(name)))
      .filter((path) => statSync(path).isFile())
    for (const pack of packs) truncateSync(pack, statSync(pack).size - 1)
    const { stderr } = await run('check')
    const named = stderr.match(/^[a-z]+: packs\/[0-9a-f/]+/gm)?.map((one) => one.split(': ')[1])
    expect(new Set(named).size).toBe(packs.length)
    expect(stderr).toContain('  affects snapshots ')
  })
})
