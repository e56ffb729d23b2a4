import {
  appendFileSync,
  chmodSync,
  mkdtempSync,
  openSync,
  rmSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { readingSetup } from '../../../test/engine/reading-setup.ts'
import { noise } from '../../../test/repositories/sample.ts'
import { utf8 } from '../../base/bytes.ts'
import { KeyedHasher } from '../../base/hash.ts'
import { StatBuffer } from '../../base/libc-stat.ts'
import { decode } from '../../format/codec.ts'
import { entryCodec } from '../../format/tree.ts'
import { ContentReader } from './content-reader.ts'
import { READ_FINE, type SmallFilesTask } from './messages.ts'
import { PackMemory } from './pack-memory.ts'
import { toldChange } from './read-change.ts'
import { SmallFiles } from './small-files.ts'
import { FillingBatch } from './small-runs.ts'

const folder = mkdtempSync(join(tmpdir(), 'cairn-small-'))
afterAll(() => {
  rmSync(folder, { recursive: true })
})

const stat = new StatBuffer()

function taskOf(contents: readonly Uint8Array[]): SmallFilesTask {
  const batch = new FillingBatch()
  contents.forEach((content, i) => {
    writeFileSync(join(folder, String(i)), content)
    const fd = openSync(join(folder, String(i)), 'r')
    stat.readFd(fd)
    batch.add({ fd, name: utf8(`name-${i}`), size: stat.size, stat }, () => undefined)
  })
  return batch.send(1).task
}

test('a task that fails leaves nothing behind for the next one', () => {
  const chunker = { minBytes: 2 ** 19, avgBytes: 2 ** 20, maxBytes: 2 ** 21 }
  const setup = readingSetup({ chunker, level: 'off' })
  const memory = new PackMemory(setup.packMemory)
  let failures = 1
  const reader = new ContentReader(setup, {
    beforeRead: () => undefined,
    roomFor: (frame) => {
      if (failures-- > 0) throw new Error('no memory')
      return memory.room(frame, () => undefined)
    },
    onFrame: () => undefined,
  })
  const files = new SmallFiles(reader)
  // The third one finds the frame full.
  const three = [1, 2, 3].map((seed) => noise(300_000, seed))
  expect(() => files.read(taskOf(three))).toThrow('no memory')
  const last = noise(1000, 4)
  const result = files.read(taskOf([last]))
  const id = new KeyedHasher(setup.dataIdKey).hash(last)
  expect(result.pieceIds).toEqual(id)
  expect([...result.pieceCounts]).toEqual([1])
  const entry = decode(entryCodec, result.entries)
  expect(entry).toMatchObject({ name: utf8('name-0'), size: 1000, pieces: [{ id, length: 1000 }] })
})

describe('what happens to a small file while it is read', () => {
  const path = join(folder, '0')
  const SIZE = 2000

  /** Reads a file to which `change` happens before each read, of which there are at least two. */
  function readWhile(change: (read: number) => void) {
    const chunker = { minBytes: 2 ** 19, avgBytes: 2 ** 20, maxBytes: 2 ** 21 }
    const setup = readingSetup({ chunker, level: 'off' })
    let reads = 0
    const reader = new ContentReader(setup, {
      beforeRead: () => change(++reads),
      roomFor: () => expect.unreachable('nothing is sealed'),
      onFrame: () => undefined,
    })
    const task = taskOf([noise(SIZE)])
    const { outcomes, entries } = new SmallFiles(reader).read(task)
    return { outcome: outcomes[0] as number, entry: decode(entryCodec, entries) }
  }

  test.each<[change: string, size: number, (read: number) => void]>([
    ['grew', SIZE + 10, (read) => appendFileSync(path, noise(10, read))],
    ['content', SIZE, (read) => utimesSync(path, read, read)],
    ['attributes', SIZE, (read) => chmodSync(path, 0o600 + read)],
  ])('again and again is told (%s), and the content is marked', (change, size, happen) => {
    const { outcome, entry } = readWhile(happen)
    expect(toldChange(outcome).change).toBe(change)
    expect(entry).toMatchObject({ size, changed: 1 })
  })

  test('is told of one that becomes shorter, which is stored as far as it goes', () => {
    const { outcome, entry } = readWhile((read) => truncateSync(path, SIZE - 100 * read))
    expect(toldChange(outcome)).toMatchObject({ change: 'shrank' })
    expect(toldChange(outcome).what).toContain('as far as it went')
    expect(entry.size).toBeLessThan(SIZE - 100)
    expect(entry.changed).toBe(1)
  })

  test('once is made good by reading it again, and nothing is told', () => {
    const { outcome, entry } = readWhile((read) => read === 1 && truncateSync(path, 10))
    expect(outcome).toBe(READ_FINE)
    expect(entry).toMatchObject({ size: 10, changed: undefined })
  })

  test.each([
    ['removed', () => undefined],
    ['written to and removed', () => appendFileSync(path, 'more')],
  ])('is told of one that is %s, whose content is complete', (_, write) => {
    const { outcome, entry } = readWhile((read) => {
      if (read > 1) return
      write()
      unlinkSync(path)
    })
    expect(toldChange(outcome).change).toBe('removed')
    expect(entry.changed).toBeUndefined()
    expect(entry.size).toBeGreaterThanOrEqual(SIZE)
  })
})
