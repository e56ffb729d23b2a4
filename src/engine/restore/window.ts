// A window of a restore: some thousand files whose content is fetched together, each range of a pack once,
// in the order in which it lies there. Windows bound the memory of a restore of any size.

import type { Bytes } from '../../base/bytes.ts'
import { concat } from '../../base/bytes.ts'
import { blobId } from '../../format/ids.ts'
import type { IndexImage } from '../../repository/index-image.ts'
import type { Index } from '../../repository/index-load.ts'
import type { RangeTask, WireFrame, WireParts, WireSession, WriterSetup } from './messages.ts'
import type { Stretch } from './open-restore.ts'
import { type Whole, Wholes } from './wholes.ts'
import { wireFolders } from './wire-folders.ts'

/** One piece of a file that is open. */
export interface Part {
  readonly frame: number
  readonly position: number
  readonly id: Bytes
  readonly length: number
  readonly stretch: Stretch
  /** Number of its first run in the stretch. */
  readonly firstRun: number
  readonly runs: readonly { readonly offset: number; readonly length: number }[]
}

const FILES_MAX = 4096
/** The first window is short, so that workers have something to do soon. */
const FIRST_FILES_MAX = 512
const OPEN_FILES_MAX = 200
const PARTS_MAX = 16_384

/** A range is not longer than this, and may read over gaps of this length. */
const RANGE_BYTES_MAX = 4 * 1024 * 1024
const GAP_BYTES_MAX = 128 * 1024

/** What is to be done with the frames of one range of one pack. */
export interface PlannedRange {
  readonly pack: number
  readonly offset: number
  readonly length: number
  readonly window: Window
  readonly frames: readonly {
    readonly frame: number
    /** Numbers in the window's `wholes`. */
    readonly wholes: readonly number[]
    readonly parts: readonly Part[]
  }[]
}

/** A copy of a blob that could not be used. */
export interface Tried {
  readonly image: IndexImage
  readonly frame: number
}

export class Window {
  readonly wholes: Wholes
  /** The numbers of those in a frame. */
  readonly #wholesIn = new Map<number, number[]>()
  readonly #parts = new Map<number, Part[]>()
  #filesOpened = 0
  /** To be done, in order, when the content is there: links first, then folders. */
  readonly afterwards: (() => void)[] = []
  readonly #filesMax: number
  #partCount = 0

  constructor({ owners, isFirst }: { owners: WriterSetup['owners']; isFirst: boolean }) {
    this.#filesMax = isFirst ? FIRST_FILES_MAX : FILES_MAX
    this.wholes = new Wholes({ capacity: this.#filesMax, owners })
  }

  get isFull(): boolean {
    return (
      this.wholes.count + this.afterwards.length >= this.#filesMax ||
      this.#filesOpened >= OPEN_FILES_MAX ||
      this.#partCount >= PARTS_MAX
    )
  }

  addWhole(frame: number, whole: Whole): void {
    push(this.#wholesIn, frame, this.wholes.add(whole))
  }

  /**
   * Another copy of the blob of a whole file, or of a part, is to be fetched, where there is one after that in
   * this frame. False where there is none.
   */
  retryWhole(number: number, { image, frame }: Tried): boolean {
    const [next] = image.copiesAfter(this.wholes.idOf(number), frame)
    if (next === undefined) return false
    this.wholes.move(number, next.position)
    push(this.#wholesIn, next.frame, number)
    return true
  }

  retryPart(part: Part, image: IndexImage): boolean {
    const [next] = image.copiesAfter(blobId(part.id), part.frame)
    if (next === undefined) return false
    push(this.#parts, next.frame, { ...part, ...next })
    return true
  }

  /** Files that are opened while the window is filled stay open until it is written. */
  noteOpened(): void {
    this.#filesOpened++
  }

  addPart(part: Part): void {
    push(this.#parts, part.frame, part)
    this.#partCount++
  }

  /** The ranges to be fetched of what was added since the last plan, in the order of the packs. */
  plan({ image }: Index): readonly PlannedRange[] {
    const ranges = this.#rangesOf(image)
    this.#wholesIn.clear()
    this.#parts.clear()
    return ranges
  }

  #rangesOf(image: IndexImage): readonly PlannedRange[] {
    const numbers = [...new Set([...this.#wholesIn.keys(), ...this.#parts.keys()])]
    const located = numbers.map((frame) => ({ frame, ...image.frame(frame) }))
    located.sort((a, b) => a.pack - b.pack || a.offset - b.offset)
    const ranges: {
      pack: number
      offset: number
      length: number
      window: Window
      frames: PlannedRange['frames'][number][]
    }[] = []
    for (const { frame, pack, offset, storedBytes } of located) {
      const work = {
        frame,
        wholes: this.#wholesIn.get(frame) ?? [],
        parts: this.#parts.get(frame) ?? [],
      }
      const last = ranges[ranges.length - 1]
      const length = last === undefined ? 0 : offset + storedBytes - last.offset
      const gap = last === undefined ? 0 : offset - (last.offset + last.length)
      if (last?.pack === pack && length <= RANGE_BYTES_MAX && gap <= GAP_BYTES_MAX) {
        last.length = length
        last.frames.push(work)
      } else {
        ranges.push({ pack, offset, length: storedBytes, window: this, frames: [work] })
      }
    }
    return ranges
  }
}

function push<T>(map: Map<number, T[]>, key: number, value: T): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}

/** The message for a worker, in columns. */
export function wireTask(
  range: PlannedRange,
  options: {
    readonly task: number
    readonly bytes: Uint8Array<ArrayBuffer>
    readonly index: Index
    readonly sessionOf: (session: number) => WireSession
  },
): RangeTask {
  const { task, bytes, index, sessionOf } = options
  const frames: WireFrame[] = range.frames.map(({ frame, wholes, parts }) => {
    const { session, offset, storedBytes, rawBytes } = index.image.frame(frame)
    const start = offset - range.offset
    return { session, start, storedBytes, rawBytes, wholes: wholes.length, parts: parts.length }
  })
  const folders: (readonly Bytes[])[] = []
  const sessions = [...new Set(frames.map((frame) => frame.session))].map(sessionOf)
  const wholes = range.window.wholes.wire(
    range.frames.flatMap((frame) => frame.wholes),
    folders,
  )
  const parts = wireParts(range.frames.flatMap((frame) => frame.parts))
  return { task, bytes, sessions, frames, folders: wireFolders(folders), wholes, parts }
}

function wireParts(parts: readonly Part[]): WireParts {
  const runs = parts.flatMap((part) => part.runs)
  return {
    positions: Uint32Array.from(parts, (part) => part.position),
    ids: concat(parts.map((part) => part.id)),
    lengths: Uint32Array.from(parts, (part) => part.length),
    fds: Int32Array.from(parts, (part) => part.stretch.file.pending.fd),
    writeCounts: Uint32Array.from(parts, (part) => part.runs.length),
    writeOffsets: Float64Array.from(runs, (run) => run.offset),
    writeLengths: Uint32Array.from(runs, (run) => run.length),
  }
}
