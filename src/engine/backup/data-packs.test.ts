import { expect, test } from 'vitest'
import { concat, toHex } from '../../base/bytes.ts'
import { systemClock } from '../../base/clock.ts'
import { sha256 } from '../../base/hash.ts'
import { ENCAPSULATION_BYTES } from '../../format/pack.ts'
import { FIRST_FRAME_OFFSET, type FinishedPack, PackWriter } from '../../packer/pack-writer.ts'
import { Seal } from '../../sealer/seal.ts'
import { DataPacks, type PlacedFrame } from './data-packs.ts'
import { newPackMemory, PackMemory } from './pack-memory.ts'

const session = { epoch: 2, encapsulation: new Uint8Array(ENCAPSULATION_BYTES) }
const scope = {
  repositoryId: new Uint8Array(32),
  domain: new Uint8Array(16),
  epoch: 4,
  headerSeal: new Seal(new Uint8Array(32)),
}
const noPadding = (bytes: number) => new Uint8Array(bytes)

function openPacks(packBytes = FIRST_FRAME_OFFSET + 100) {
  const memory = new PackMemory(newPackMemory({ packs: 2, packBytes }))
  const stored: { pack: FinishedPack; done: () => void }[] = []
  const packs = new DataPacks({
    memory,
    clock: systemClock,
    newWriter: (own) => new PackWriter(session, { ...scope, kind: 'data-pack', memory: own }),
    store: (pack, done) => stored.push({ pack, done }),
  })
  const onClosed = (pack: number) => packs.closed(pack)
  /** Room for a frame that is filled, and not yet told of. */
  const place = (length: number, fill: number, ids = 1): PlacedFrame => {
    const { bytes, ...at } = memory.room({ bytes: length, ids }, onClosed)
    bytes.fill(fill)
    return { ...at, storedBytes: length, rawBytes: fill, ids: new Uint8Array(32 * ids) }
  }
  return { packs, memory, stored, place }
}

test('a pack goes on its way when it is closed and complete, in whatever order it was told of', () => {
  const { packs, stored, place } = openPacks()
  const frames = [place(40, 1), place(30, 2), place(30, 3)]
  const next = place(10, 4)
  for (const i of [2, 0]) packs.take(frames[i] as PlacedFrame)
  expect(stored).toHaveLength(0)
  packs.take(next)
  expect(stored).toHaveLength(0)
  packs.take(frames[1] as PlacedFrame)
  expect(stored).toHaveLength(1)
  const { header, parts, indexed } = (stored[0] as { pack: FinishedPack }).pack
  expect(header.frames.map(({ offset, rawBytes }) => [offset, rawBytes])).toEqual([
    [FIRST_FRAME_OFFSET, 1],
    [FIRST_FRAME_OFFSET + 40, 2],
    [FIRST_FRAME_OFFSET + 70, 3],
  ])
  expect(toHex(indexed.hash)).toBe(toHex(sha256(concat(parts))))
  packs.finish(noPadding)
  expect(stored).toHaveLength(2)
  expect(packs.isEmpty).toBe(true)
})

test('a pack that is closed after all of it was told of goes on its way at once', () => {
  const { packs, stored, place } = openPacks()
  packs.take(place(40, 1))
  expect(stored).toHaveLength(0)
  const later = place(80, 2)
  expect(stored).toHaveLength(1)
  packs.take(later)
})

test('a pack that misses a frame is never stored', () => {
  const { packs, stored, place } = openPacks()
  place(40, 1)
  packs.take(place(30, 2))
  packs.finish(noPadding)
  expect(stored).toHaveLength(0)
  expect(packs.isEmpty).toBe(false)
})

test('memory is free again when the pack is stored, and not before', () => {
  const { packs, memory, stored, place } = openPacks()
  packs.take(place(90, 1))
  packs.take(place(90, 2))
  packs.finish(noPadding)
  expect(stored).toHaveLength(2)
  stored[1]?.done()
  expect(place(90, 3).pack).toBe(1)
  stored[0]?.done()
  expect(memory.close()).toBe(1)
  expect(place(90, 4).pack).toBe(0)
})

test('a pack whose header has very many ids is closed', () => {
  const { packs, stored, place } = openPacks()
  packs.take(place(10, 1, 65_536))
  expect(stored).toHaveLength(0)
  const last = place(10, 2, 65_536)
  expect(stored).toHaveLength(0)
  packs.take(last)
  expect(stored).toHaveLength(1)
  expect(place(10, 3).offset).toBe(FIRST_FRAME_OFFSET)
})

test('a pack that is open for long is closed', () => {
  const { packs, stored, place } = openPacks()
  packs.take(place(10, 1))
  packs.closeOlder(systemClock.monotonicMs() - 1000)
  expect(stored).toHaveLength(0)
  packs.closeOlder(systemClock.monotonicMs() + 1000)
  expect(stored).toHaveLength(1)
})
