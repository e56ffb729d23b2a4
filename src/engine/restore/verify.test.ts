import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { entryOf } from '../../../test/repositories/entries.ts'
import { fromUtf8Lossy, utf8 } from '../../base/bytes.ts'
import { crc32Combine, crc32OfZeros } from '../../base/crc-combine.ts'
import { crc32 } from '../../base/hash.ts'
import type { Entry } from '../../format/tree.ts'
import { TargetFolder } from '../../target/files/target-folder.ts'
import { verifyTarget } from './verify.ts'

const root = mkdtempSync(join(tmpdir(), 'cairn-verify-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const path = join(root, 'file')
const WRONG = 'its content is not that of the snapshot'

function fileOf(size: number, crc: number): Entry {
  return entryOf('file', { type: 'file', size, crc32: crc })
}

async function* selected(entry: Entry) {
  yield { folder: [], entry: await Promise.resolve(entry), wanted: 'yes' as const }
}

/** What is told of the file when it is compared with this entry. */
async function verify(entry: Entry): Promise<readonly string[]> {
  const target = TargetFolder.open(utf8(root))
  if (typeof target === 'number') throw new Error('the folder opens')
  const told: string[] = []
  const { signal } = new AbortController()
  const onProblem = (names: readonly Uint8Array[], what: string) => {
    told.push(`${names.map(fromUtf8Lossy).join('/')}: ${what}`)
  }
  expect(await verifyTarget(selected(entry), { target, signal, onProblem })).toBe(1)
  target.close()
  return told
}

function write(position: number, bytes: Uint8Array): void {
  const fd = openSync(path, 'r+')
  writeSync(fd, bytes, 0, bytes.length, position)
  closeSync(fd)
}

describe('a file of a tebibyte that is nearly all holes', () => {
  const SIZE = 2 ** 40
  const DATA = new Uint8Array(5000).map((_, i) => i * 7 + 1)
  const AT = [0, 2 ** 39 + 4096, SIZE - DATA.length]
  /** Reading it would take a quarter of an hour. */
  const MS_MAX = 1000

  function crcOfAll(): number {
    let crc = 0
    let end = 0
    for (const at of AT) {
      crc = crc32Combine(crc, crc32OfZeros(at - end), at - end)
      crc = crc32Combine(crc, crc32(DATA), DATA.length)
      end = at + DATA.length
    }
    return crc
  }

  beforeEach(() => {
    const fd = openSync(path, 'w')
    for (const at of AT) writeSync(fd, DATA, 0, DATA.length, at)
    ftruncateSync(fd, SIZE)
    closeSync(fd)
  })

  test('is found to be right at once', async () => {
    const begun = performance.now()
    expect(await verify(fileOf(SIZE, crcOfAll()))).toEqual([])
    expect(performance.now() - begun).toBeLessThan(MS_MAX)
  })

  test.each([
    ['in front', 17],
    ['in the middle', (AT[1] as number) + 17],
    ['at the end', SIZE - 1],
    ['in a hole', 2 ** 38 + 12_345],
    ['behind data, in its block', (AT[1] as number) + DATA.length],
  ])('with a wrong byte %s is found', async (_, at) => {
    write(at, Uint8Array.of(0xa5))
    expect(await verify(fileOf(SIZE, crcOfAll()))).toEqual([`file: ${WRONG}`])
  })

  test('that has become shorter or longer is found', async () => {
    const entry = fileOf(SIZE, crcOfAll())
    truncateSync(path, SIZE - 1)
    expect(await verify(entry)).toEqual([`file: it is ${SIZE - 1} instead of ${SIZE} bytes long`])
    truncateSync(path, SIZE + 1)
    expect(await verify(entry)).toEqual([`file: it is ${SIZE + 1} instead of ${SIZE} bytes long`])
  })
})

test('one hole, no data, and data only are compared with what was recorded', async () => {
  writeFileSync(path, '')
  expect(await verify(fileOf(0, 0))).toEqual([])
  expect(await verify(fileOf(0, 1))).toEqual([`file: ${WRONG}`])
  truncateSync(path, 3_000_000)
  expect(await verify(fileOf(3_000_000, crc32(new Uint8Array(3_000_000))))).toEqual([])
  writeFileSync(path, new Uint8Array(3_000_000).fill(7))
  expect(await verify(fileOf(3_000_000, crc32(readFileSync(path))))).toEqual([])
  expect(await verify(fileOf(3_000_000, 7))).toEqual([`file: ${WRONG}`])
})
