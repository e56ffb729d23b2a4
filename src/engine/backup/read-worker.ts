// A reading worker: takes descriptors, gives back ids and where it has put sealed frames. All calls in it are
// synchronous; it does one task at a time, to its end.

import { answer, takeTasks, workerSetup } from '../../base/worker-tasks.ts'
import { ContentReader, PieceList } from './content-reader.ts'
import {
  type FrameResult,
  READ_FINE,
  type SegmentResult,
  type SegmentTask,
  type ToWorker,
  type WorkerSetup,
} from './messages.ts'
import { PackMemory, RunEnded } from './pack-memory.ts'
import { readPacer } from './read-rate.ts'
import { errnoOf, SmallFiles } from './small-files.ts'

const setup = workerSetup as WorkerSetup
const memory = new PackMemory(setup.packMemory)
const pieces = new PieceList()
const paceRead = readPacer(setup.readRate, () => memory.check())
const reading = new BigInt64Array(setup.reading)
/** What the segment that is being read has added to `reading`; undefined while there is none. */
let readingBytes: number | undefined

const reader = new ContentReader(setup, {
  beforeRead: (bytes) => {
    paceRead(bytes)
    if (readingBytes === undefined) return
    readingBytes += bytes
    Atomics.add(reading, 0, BigInt(bytes))
  },
  roomFor: (frame) => memory.room(frame, (pack) => answer({ kind: 'pack-closed', pack })),
  onFrame: (frame) => answer({ kind: 'frame', frame } satisfies FrameResult),
})

const smallFiles = new SmallFiles(reader)

takeTasks<ToWorker>({
  take: (message) => {
    try {
      if (message.kind === 'small') answer(smallFiles.read(message))
      else if (message.kind === 'segment') answer(readSegment(message))
      else {
        reader.flush()
        answer({ kind: 'flushed' })
      }
    } catch (error) {
      // Anything else is not about a file that cannot be read, for that is an outcome: the promise to
      // store what was claimed cannot be kept, so the run must not go on.
      if (!(error instanceof RunEnded)) throw error
    }
  },
})

function readSegment({ task, fd, data, start, end }: SegmentTask): SegmentResult {
  // Of a task before that failed there may be some left.
  pieces.truncate(0)
  readingBytes = 0
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
  const { crc, bytes: dataBytes } = content
  const counted = readingBytes
  readingBytes = undefined
  const found = { crc, dataBytes, readingBytes: counted, ...pieces.take() }
  return { kind: 'segment', task, outcome, ...found }
}
