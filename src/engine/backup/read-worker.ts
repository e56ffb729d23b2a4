// A reading worker: takes descriptors, gives back ids and sealed frames. All calls in it are
// synchronous; it does one task at a time, to its end.

import { parentPort, workerData } from 'node:worker_threads'
import { assert } from '../../base/errors.ts'
import { libc } from '../../base/libc.ts'
import { STAT_KEY, StatBuffer } from '../../base/libc-stat.ts'
import { ContentReader, PieceList, type ReadContent } from './content-reader.ts'
import { Credit } from './credit.ts'
import {
  type FromWorker,
  READ_CHANGED,
  READ_FINE,
  type Restated,
  type SegmentTask,
  type SmallFilesTask,
  type ToWorker,
  type WorkerSetup,
} from './messages.ts'
import { readPacer } from './read-rate.ts'

assert(parentPort, 'a reading worker has a parent')
const port = parentPort
const setup = workerData as WorkerSetup
const credit = new Credit(setup.credit, setup.creditBytes)
const stat = new StatBuffer()
const pieces = new PieceList()
const reader = new ContentReader(setup, {
  beforeRead: readPacer(setup.readBytesPerSecond),
  onFrame: (frame) => {
    credit.take(frame.sealed.length)
    send(frame, [frame.sealed.buffer, frame.ids.buffer as ArrayBuffer])
  },
})

function send(message: FromWorker, transfer: readonly ArrayBuffer[] = []): void {
  port.postMessage(message, transfer)
}

port.on('message', (message: ToWorker) => {
  try {
    if (message.kind === 'small') readSmallFiles(message)
    else if (message.kind === 'segment') readSegment(message)
    else if (message.kind === 'flush') {
      reader.flush()
      send({ kind: 'flushed' })
    } else port.close()
  } catch (error) {
    // Not a file that cannot be read: those are outcomes. The promise to store what was claimed
    // cannot be kept, so the run must not go on.
    const { message: text, stack = '' } = error instanceof Error ? error : new Error(String(error))
    send({ kind: 'failed', message: text, stack })
  }
})

const ATTEMPTS = 2

function readSmallFiles({ task, fds, sizes, keys }: SmallFilesTask): void {
  const count = fds.length
  const outcomes = new Int32Array(count)
  const crcs = new Uint32Array(count)
  const readSizes = new Float64Array(count)
  const pieceCounts = new Uint32Array(count)
  const restated = new Map<number, Restated>()
  let collected = 0
  for (let i = 0; i < count; i++) {
    const fd = fds[i] as number
    const key = keys.subarray(STAT_KEY.bytes * i, STAT_KEY.bytes * (i + 1))
    const { outcome, content, attempts } = readInPeace(fd, sizes[i] as number, key)
    outcomes[i] = outcome
    if (content !== undefined) {
      crcs[i] = content.crc
      readSizes[i] = content.bytes
      if (attempts > 1 || outcome === READ_CHANGED) restated.set(i, restate())
    }
    libc().close(fd)
    pieceCounts[i] = pieces.count - collected
    collected = pieces.count
  }
  const { pieceLengths, pieceIds } = pieces.take()
  send(
    {
      kind: 'small',
      task,
      outcomes,
      crcs,
      sizes: readSizes,
      pieceCounts,
      pieceLengths,
      pieceIds,
      restated,
    },
    [pieceIds.buffer as ArrayBuffer],
  )
}

function restate(): Restated {
  const key = new Uint8Array(STAT_KEY.bytes)
  stat.writeKey(key, 0)
  return { stat: stat.copy(), key }
}

interface PeacefulRead {
  readonly outcome: number
  readonly content: ReadContent | undefined
  readonly attempts: number
}

/** Reads a file; where it differs afterwards from what it was when opened, once more. */
function readInPeace(fd: number, openedSize: number, key: Uint8Array): PeacefulRead {
  let size = openedSize
  let expected = key
  for (let attempts = 1; ; attempts++) {
    const before = pieces.count
    try {
      const content = readWhole(fd, size)
      const errno = -stat.readFd(fd)
      if (errno > 0) return { outcome: errno, content: undefined, attempts }
      if (stat.matchesKey(expected, 0)) return { outcome: READ_FINE, content, attempts }
      if (attempts === ATTEMPTS) return { outcome: READ_CHANGED, content, attempts }
    } catch (error) {
      pieces.truncate(before)
      return { outcome: errnoOf(error), content: undefined, attempts }
    }
    pieces.truncate(before)
    size = stat.size
    expected = new Uint8Array(STAT_KEY.bytes)
    stat.writeKey(expected, 0)
  }
}

function readWhole(fd: number, size: number): ReadContent {
  if (reader.isSmall(size)) return reader.readSmall(fd, size, pieces)
  const data = [{ offset: 0, length: size }]
  return reader.readRuns(fd, { data, start: 0, end: size }, pieces)
}

function readSegment({ task, fd, data, start, end }: SegmentTask): void {
  let outcome = READ_FINE
  let content = { crc: 0, bytes: 0 }
  try {
    content =
      'toEndMaxBytes' in data
        ? reader.readToEnd(fd, data.toEndMaxBytes, pieces)
        : reader.readRuns(fd, { data, start, end }, pieces)
  } catch (error) {
    outcome = errnoOf(error)
  }
  const { pieceLengths, pieceIds } = pieces.take()
  const { crc, bytes: dataBytes } = content
  send({ kind: 'segment', task, outcome, crc, dataBytes, pieceLengths, pieceIds }, [
    pieceIds.buffer as ArrayBuffer,
  ])
}

/** The errno of a failed read; anything else is no matter of the file and ends the run. */
function errnoOf(error: unknown): number {
  const { errno, syscall } = error as NodeJS.ErrnoException
  if (syscall === 'read' && errno !== undefined) return -errno
  throw error
}
