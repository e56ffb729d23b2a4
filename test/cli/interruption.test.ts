// A signal in the middle of work: it ends in order, says what is kept, and the next run goes on.

import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ended, User } from './user.ts'

const user = new User()
const env = user.keyed
const MEBI = 1024 ** 2

/** Enough that a backup held back to 20 MiB a second is at work for some seconds. */
beforeAll(async () => {
  for (let i = 0; i < 24; i++) user.write({ [`data/${i}`]: randomBytes(4 * MEBI) })
  expect(await user.run(['init'], { env })).toMatchObject({ code: 0 })
})

afterAll(() => user.remove())

/** Waits until some files have been read: of those that are under way there is nothing to keep. */
function underWay(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    let text = ''
    child.stdout?.on('data', (more: Buffer) => {
      text += more.toString()
      if (/"readBytes":[1-9]\d{7}/.test(text)) resolve()
    })
  })
}

async function interrupted(signal: NodeJS.Signals): Promise<Awaited<ReturnType<typeof ended>>> {
  const child = user.start(['backup', 'data', '--read-rate', '16M', '--json'], { env })
  const end = ended(child)
  await underWay(child)
  child.kill(signal)
  return end
}

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  '%s is 130 and keeps what is stored',
  async (signal) => {
    const { code, stdout } = await interrupted(signal)
    expect(code).toBe(130)
    const last = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>
    expect(last).toMatchObject({ event: 'error', code: 'interrupted' })
    expect(last['hint']).toContain('What has been stored is kept')
    const { last: listed } = await user.json(['snapshots'], { env })
    expect(listed['snapshots']).toEqual([])
  },
)

test('the repository is sound afterwards, and the next run uploads the rest only', async () => {
  expect((await user.run(['check', '--read-data'], { env })).code).toBe(0)
  const { code, last } = await user.json(['backup', 'data'], { env })
  expect(code).toBe(0)
  expect(last['sizeBytes']).toBe(24 * 4 * MEBI)
  expect(last['addedBytes']).toBeLessThan(24 * 4 * MEBI)
  expect((await user.run(['restore', 'latest', '-t', 'back', '--verify'], { env })).code).toBe(0)
})

test('without --json it says so on stderr', async () => {
  user.write({ 'more/a': randomBytes(64 * MEBI) })
  const child = user.start(['backup', 'more', '--read-rate', '4M'], { env })
  const end = ended(child)
  await new Promise((resolve) => setTimeout(resolve, 3000))
  child.kill('SIGINT')
  const { code, stdout, stderr } = await end
  expect({ code, stdout }).toEqual({ code: 130, stdout: '' })
  expect(stderr).toContain('Stopping: ')
  expect(stderr).toContain('Interrupted: no snapshot was made\n')
  expect(stderr).toContain('run the same command again')
})
