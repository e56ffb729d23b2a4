import { execFileSync } from 'node:child_process'
import {
  closeSync,
  linkSync,
  mkdtempSync,
  openSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { utf8 } from '../../base/bytes.ts'
import { systemClock } from '../../base/clock.ts'
import { StatBuffer } from '../../base/libc-stat.ts'
import type { Xattr } from '../../format/tree.ts'
import { CacheKeys } from './cache-keys.ts'

const root = mkdtempSync(join(tmpdir(), 'cairn-keys-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

let path: string
let serial = 0

beforeEach(() => {
  path = join(root, `file-${serial++}`)
  writeFileSync(path, 'content')
})

function look(at = path): StatBuffer {
  const stat = new StatBuffer()
  const fd = openSync(at, 'r')
  expect(stat.readFd(fd)).toBe(0)
  closeSync(fd)
  return stat
}

/** As a backup has them that begins at this time. */
function keysAt(nowMs: number, ignore: { ctime?: boolean; inode?: boolean } = {}): CacheKeys {
  const { ctime: ignoreCtime = false, inode: ignoreInode = false } = ignore
  return new CacheKeys({ ignoreCtime, ignoreInode, clock: { ...systemClock, nowMs: () => nowMs } })
}

describe('a change may leave the times as they were until two seconds later', () => {
  const isSettledAt = (ms: number, ignore = {}) => {
    const keys = keysAt(ms, ignore)
    return keys.isSettled(keys.make(look(), []))
  }

  test('by the ctime', () => {
    const changedMs = 1000 * Number(look().ctimeSeconds)
    utimesSync(path, 5, 5)
    expect(isSettledAt(changedMs)).toBe(false)
    expect(isSettledAt(changedMs + 2000)).toBe(false)
    expect(isSettledAt(changedMs + 4001)).toBe(true)
  })

  test.each([1_000_000, 2 ** 33, -5])(
    'by the mtime (%d) where the ctime does not count',
    (seconds) => {
      // Node takes a time before 1970 for now.
      execFileSync('touch', ['-d', `@${seconds}`, path])
      const ignore = { ctime: true }
      expect(isSettledAt(1000 * seconds + 1999, ignore)).toBe(false)
      expect(isSettledAt(1000 * seconds + 2000, ignore)).toBe(false)
      expect(isSettledAt(1000 * seconds + 2001, ignore)).toBe(true)
    },
  )
})

describe('a file is the one of last time', () => {
  const later = systemClock.nowMs() + 60_000
  const none = () => []

  test('where nothing of it has changed, and then its attributes are not read', () => {
    const keys = keysAt(later)
    const unread = () => {
      throw new Error('the ctime says so')
    }
    expect(keys.matches(look(), keys.make(look(), []), unread)).toBe(true)
  })

  test('only with the attributes that it had, where the ctime does not count', () => {
    const keys = keysAt(later, { ctime: true })
    const xattrs: readonly Xattr[] = [{ name: utf8('user.a'), value: utf8('1') }]
    const key = keys.make(look(), xattrs)
    expect(keys.matches(look(), key, () => xattrs)).toBe(true)
    expect(keys.matches(look(), key, none)).toBe(false)
    const other = [{ name: utf8('user.a'), value: utf8('2') }]
    expect(keys.matches(look(), key, () => other)).toBe(false)
    expect(keys.matches(look(), keys.make(look(), []), () => xattrs)).toBe(false)
  })

  test.each(['matches', 'hasContentOf'] as const)(
    '%s: only with the number that it had, where it has several names, though that does not count',
    (how) => {
      const keys = keysAt(later, { ctime: true, inode: true })
      const other = `${path}-other`
      writeFileSync(other, 'content')
      for (const one of [path, other]) utimesSync(one, 5, 5)
      expect(keys[how](look(other), keys.make(look(), []), none)).toBe(true)
      for (const one of [path, other]) linkSync(one, `${one}-again`)
      expect(keys[how](look(other), keys.make(look(), []), none)).toBe(false)
      expect(keys[how](look(), keys.make(look(), []), none)).toBe(true)
    },
  )

  test('a file has the content of what was a file only', () => {
    const keys = keysAt(later, { ctime: true })
    const key = keys.make(look(), [])
    expect(keys.hasContentOf(look(), key)).toBe(true)
    // As a link or device of the same length and time has it.
    const typeAt = 21
    key[typeAt] = ((key[typeAt] as number) & 0x0f) | 0xa0
    expect(keys.hasContentOf(look(), key)).toBe(false)
  })
})
