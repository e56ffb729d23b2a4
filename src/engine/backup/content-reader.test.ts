import { execFileSync, spawn } from 'node:child_process'
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readingSetup } from '../../../test/engine/reading-setup.ts'
import { noise } from '../../../test/repositories/sample.ts'
import { utf8 } from '../../base/bytes.ts'
import { crc32 } from '../../base/hash.ts'
import { ContentReader, PieceList } from './content-reader.ts'
import type { PlacedFrame } from './data-packs.ts'
import { type FrameSize, PackMemory } from './pack-memory.ts'

const folder = mkdtempSync(join(tmpdir(), 'cairn-content-'))
afterAll(() => {
  rmSync(folder, { recursive: true })
})

function newReader(): { reader: ContentReader; frames: PlacedFrame[] } {
  const frames: PlacedFrame[] = []
  const setup = readingSetup()
  const memory = new PackMemory(setup.packMemory)
  const hooks = {
    roomFor: (frame: FrameSize) => memory.room(frame, () => undefined),
    onFrame: (frame: PlacedFrame) => frames.push(frame),
    beforeRead: () => undefined,
  }
  return { reader: new ContentReader(setup, hooks), frames }
}

function fileOf(content: Uint8Array): number {
  const path = join(folder, 'file')
  writeFileSync(path, content)
  return openSync(path, 'r')
}

test('the same content in one run and in several has the same CRC and length', () => {
  const { reader } = newReader()
  const content = noise(10_000)
  const fd = fileOf(content)
  const whole = reader.readRuns(
    fd,
    { data: [{ offset: 0, length: 10_000 }], start: 0, end: 10_000 },
    new PieceList(),
  )
  expect(whole).toEqual({ crc: crc32(content), bytes: 10_000 })
  expect(reader.readToEnd(fd, Number.POSITIVE_INFINITY, new PieceList())).toEqual(whole)
  closeSync(fd)
})

test('holes between runs count into the CRC as zeros and are not read', () => {
  const { reader } = newReader()
  const content = noise(10_000)
  const fd = fileOf(content)
  const pieces = new PieceList()
  const data = [
    { offset: 100, length: 1000 },
    { offset: 5000, length: 2000 },
  ]
  const { crc, bytes } = reader.readRuns(fd, { data, start: 0, end: 20_000 }, pieces)
  const expected = new Uint8Array(20_000)
  for (const { offset, length } of data) {
    expected.set(content.subarray(offset, offset + length), offset)
  }
  expect({ crc, bytes }).toEqual({ crc: crc32(expected), bytes: 3000 })
  const lengths = [...pieces.take().pieceLengths]
  expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(3000)
  closeSync(fd)
})

test('a file that has become shorter is read as if it ended in zeros', () => {
  const { reader } = newReader()
  const content = noise(3000)
  const fd = fileOf(content)
  const run = { data: [{ offset: 0, length: 5000 }], start: 0, end: 5000 }
  const { crc, bytes } = reader.readRuns(fd, run, new PieceList())
  const expected = new Uint8Array(5000)
  expected.set(content)
  expect({ crc, bytes }).toEqual({ crc: crc32(expected), bytes: 5000 })
  closeSync(fd)
})

test('what is there already is neither framed again nor left out', () => {
  const { reader, frames } = newReader()
  const fd = fileOf(noise(10_000))
  const [first, second] = [new PieceList(), new PieceList()]
  const run = { data: [{ offset: 0, length: 10_000 }], start: 0, end: 10_000 }
  reader.readRuns(fd, run, first)
  reader.flush()
  expect(frames).toHaveLength(1)
  reader.readRuns(fd, run, second)
  reader.flush()
  expect(frames).toHaveLength(1)
  expect(second.take()).toEqual(first.take())
  closeSync(fd)
})

test('a kernel file that has nothing more to say for now has ended', () => {
  // Like /proc/kmsg: reading on would wait for the next message of the kernel.
  const path = join(folder, 'pipe')
  execFileSync('mkfifo', [path])
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const writer = openSync(path, 'w')
  writeSync(writer, 'message')
  const { reader } = newReader()
  const limit = 1 << 20
  expect(reader.readToEnd(fd, limit, new PieceList())).toMatchObject({ bytes: 7 })
  closeSync(fd)
  closeSync(writer)
})

test('what has no end is given up at the limit', () => {
  const { reader } = newReader()
  const fd = openSync('/dev/zero', 'r')
  expect(() => reader.readToEnd(fd, 100_000, new PieceList())).toThrow(/too long/)
  closeSync(fd)
})

test('a stream is waited for until it ends, also one that does not block', () => {
  const slow = spawn('sh', ['-c', 'printf one; sleep 0.3; printf two'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  // Node has made the pipe non-blocking.
  const { fd } = (slow.stdout as unknown as { _handle: { fd: number } })._handle
  const { reader } = newReader()
  const read = reader.readToEnd(fd, Number.POSITIVE_INFINITY, new PieceList())
  expect(read).toEqual({ bytes: 6, crc: crc32(utf8('onetwo')) })
})
