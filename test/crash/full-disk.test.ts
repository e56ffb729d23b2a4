// The real program on a small file system that runs full: what a user is told, that nothing gets worse, and that
// there is a way out by deleting alone. The same at every single put, in memory: full-store.test.ts.

import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { User } from '../cli/user.ts'
import { describeWith } from '../require.ts'

const MEBI = 1024 ** 2

let user: User
let env: Readonly<Record<string, string>>

const run = (...args: readonly string[]) => user.run(args, { env })
const small = (...names: readonly string[]) => user.path('small', ...names)

function mustRun(command: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`)
}

const MOUNTS = {
  tmpfs: () => mustRun('mount', '-t', 'tmpfs', '-o', 'size=40m', 'none', small()),
  loop: () => {
    const image = user.path('image')
    writeFileSync(image, '')
    truncateSync(image, 48 * MEBI)
    mustRun('mkfs.ext4', '-q', '-F', '-m', '0', image)
    mustRun('mount', '-o', 'loop', image, small())
  },
} as const

/** Writes a foreign file until not one more byte fits. */
function fill(): void {
  for (let bytes = MEBI; bytes >= 1; bytes = Math.floor(bytes / 4)) {
    try {
      for (;;) appendFileSync(small('foreign'), randomBytes(bytes))
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC')
    }
  }
}

function freeBytes(): number {
  const { bavail, bsize } = statfsSync(small())
  return bavail * bsize
}

async function done(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(...args)
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: expect.any(String) as unknown })
  return stdout
}

/** Backs up the folder `data`, with a file of its own. Returns the snapshot's id. */
async function save(number: number): Promise<string> {
  user.write({ [`data/file-${number}`]: randomBytes(3 * MEBI) })
  const { code, stderr, last } = await user.json(['backup', 'data'], { env })
  expect({ code, stderr }).toMatchObject({ code: 0 })
  rmSync(user.path('data', `file-${number}`))
  return last['snapshot'] as string
}

async function expectRestores(wanted: string): Promise<void> {
  rmSync(user.path('back'), { recursive: true, force: true })
  await done('restore', wanted, '-t', 'back', '--verify')
  expect(readFileSync(user.path('back', user.path('data/a.txt')), 'utf8')).toBe('aaa')
}

describe.each(['tmpfs', 'loop'] as const)('on %s', (kind) => {
  describeWith(`a disk that runs full (${kind})`, [kind], () => {
    beforeEach(async () => {
      user = new User()
      mkdirSync(small())
      MOUNTS[kind]()
      env = { ...user.keyed, CAIRN_REPOSITORY: small('repository') }
      user.write({ 'data/a.txt': 'aaa' })
      await done('init')
    })

    afterEach(() => {
      spawnSync('umount', [small()])
      user.remove()
    })

    test('a backup that does not fit is 1 and says so; the others stay whole', async () => {
      const saved = [await save(1), await save(2)]
      user.write({ 'large/a': randomBytes(60 * MEBI) })
      const full = await run('backup', 'large')
      expect(full.code).toBe(1)
      expect(full.stderr).toMatch(/the disk is full\n.*Make room/)
      expect(existsSync(small('repository/reserve'))).toBe(true)
      await done('check', '--read-data')
      for (const id of saved) await expectRestores(id)
    }, 120_000)

    test('full to the last byte, forgetting and pruning make room, and backups work again', async () => {
      const saved = [await save(1), await save(2), await save(3)]
      fill()
      const backup = await run('backup', 'data')
      expect(backup.code).toBe(1)
      expect(backup.stderr).toContain('the disk is full')
      await done('forget', '--keep-last', '1')
      // What forget has not used of the reserve is kept for prune.
      fill()
      await done('undelete', saved[0] as string)
      fill()
      await done('forget', '--keep-last', '1')
      const before = freeBytes()
      fill()
      await done('prune', '--grace', '2s', '--undelete-window', '0s', '--wait')
      expect(freeBytes()).toBeGreaterThan(before + 2 * MEBI)
      expect(existsSync(small('repository/reserve'))).toBe(true)
      await done('check', '--read-data')
      await expectRestores('latest')
      rmSync(small('foreign'))
      await expectRestores(await save(4))
      await done('check', '--read-data')
    }, 180_000)
  })
})
