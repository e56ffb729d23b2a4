import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { utf8 } from '../../base/bytes.ts'
import { AT_FDCWD } from '../../base/libc-constants.ts'
import { Errno } from '../../base/libc-error.ts'
import { PendingFile } from './pending-file.ts'
import { TargetFolder } from './target-folder.ts'

const temp = mkdtempSync(join(tmpdir(), 'cairn-pending-'))
afterAll(() => execFileSync('rm', ['-rf', temp]))

let top: string
let target: TargetFolder
beforeEach(() => {
  top = mkdtempSync(join(temp, 'target-'))
  const opened = TargetFolder.open(utf8(top))
  if (typeof opened === 'number') throw new Error(`cannot open: ${opened}`)
  target = opened
})
afterEach(() => {
  target.close()
  vi.restoreAllMocks()
})

function create(content: string): PendingFile {
  const file = PendingFile.create(target, target.rootFd, 0o644)
  if (typeof file === 'number') throw new Error(`cannot create: ${file}`)
  writeSync(file.fd, content)
  return file
}

const close = (file: PendingFile) => {
  file.close(target.rootFd)
}
const at = (name: string) => ({ dirFd: target.rootFd, name: utf8(name) })
const read = (name: string) => readFileSync(join(top, name), 'utf8')

describe.each([
  ['without a name', undefined],
  ['under a temporary name, where there are none without', Errno.ENOTSUP],
  ['under a temporary name, on a kernel that knows none without', Errno.EISDIR],
] as const)('written %s', (_, refusal) => {
  beforeEach(() => {
    if (refusal !== undefined) vi.spyOn(target, 'createUnnamed').mockReturnValue(-refusal)
  })

  test('it has its name once it is placed, its mode, and no other name', () => {
    const file = create('new')
    const visible = readdirSync(top)
    expect(visible.length).toBe(refusal === undefined ? 0 : 1)
    expect(visible.every((name) => /^\.cairn-\d+-\d+-\d+\.tmp$/.test(name))).toBe(true)
    expect(file.place(at('a'))).toBe(0)
    close(file)
    expect(readdirSync(top)).toEqual(['a'])
    expect(read('a')).toBe('new')
    expect(statSync(join(top, 'a'))).toMatchObject({ nlink: 1, mode: 0o100644 })
  })

  test('placing replaces nothing; replacing does', () => {
    writeFileSync(join(top, 'a'), 'theirs')
    const file = create('new')
    expect(file.place(at('a'))).toBe(-Errno.EEXIST)
    expect(read('a')).toBe('theirs')
    expect(file.replace(at('a'))).toBe(0)
    close(file)
    expect(readdirSync(top)).toEqual(['a'])
    expect(read('a')).toBe('new')
  })

  test('what cannot replace can still be placed beside it', () => {
    execFileSync('mkdir', [join(top, 'a')])
    const file = create('new')
    expect(file.replace(at('a'))).toBe(-Errno.EISDIR)
    expect(file.place(at('b'))).toBe(0)
    close(file)
    expect(readdirSync(top)).toEqual(['a', 'b'])
  })

  test('without its folder it goes nowhere, whatever number the errno is', () => {
    const cwd = process.cwd()
    process.chdir(temp)
    const before = readdirSync(temp)
    const file = create('new')
    // ENETDOWN: as a descriptor it would be the working folder.
    const nowhere = { dirFd: AT_FDCWD, name: utf8('a') }
    expect(file.place(nowhere)).toBe(AT_FDCWD)
    expect(file.replace(nowhere)).toBe(AT_FDCWD)
    close(file)
    expect(readdirSync(temp)).toEqual(before)
    process.chdir(cwd)
  })

  test('nothing is left of one that was not placed', () => {
    close(create('new'))
    const refused = create('new')
    expect(refused.place(at('a/b'))).toBe(-Errno.EINVAL)
    close(refused)
    expect(readdirSync(top)).toEqual([])
  })
})

test('where there are no hard links it is renamed', () => {
  vi.spyOn(target, 'createUnnamed').mockReturnValue(-Errno.ENOTSUP)
  vi.spyOn(target, 'makeHardLink').mockReturnValue(-Errno.EPERM)
  const file = create('new')
  expect(file.place(at('a'))).toBe(0)
  close(file)
  expect(readdirSync(top)).toEqual(['a'])
})

test('a folder that takes no files says why', () => {
  const removed = mkdtempSync(join(temp, 'gone-'))
  const gone = TargetFolder.open(utf8(removed))
  if (typeof gone === 'number') throw new Error(`cannot open: ${gone}`)
  execFileSync('rmdir', [removed])
  expect(PendingFile.create(gone, gone.rootFd)).toBe(-Errno.ENOENT)
  gone.close()
})
