import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readingSetup } from '../../../test/engine/reading-setup.ts'
import { noise } from '../../../test/repositories/sample.ts'
import { utf8 } from '../../base/bytes.ts'
import { KeyedHasher } from '../../base/hash.ts'
import { StatBuffer } from '../../base/libc-stat.ts'
import { decode } from '../../format/codec.ts'
import { entryCodec } from '../../format/tree.ts'
import { ContentReader } from './content-reader.ts'
import type { SmallFilesTask } from './messages.ts'
import { PackMemory } from './pack-memory.ts'
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
