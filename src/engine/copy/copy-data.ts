// The blobs of data that are needed, from pack to pack in the order in which they lie there: frames that follow
// each other are fetched together, the next ones while these are opened. What cannot be had is
// remembered, and the rest goes on.

import type { Bytes } from '../../base/bytes.ts'
import { CairnError } from '../../base/errors.ts'
import { openWholeFrame, type WholeFrame } from '../../packer/frame.ts'
import type { FrameLocation } from '../../repository/index-image.ts'
import type { NamedBlob } from './data-writer.ts'
import type { NumberSet } from './number-sets.ts'
import type { SourceBlobs } from './source-blobs.ts'
import type { TargetPass } from './target-pass.ts'

/** So much is fetched at once, or one frame that is longer; twice that is in memory. */
const RANGE_BYTES_MAX = 4 * 1024 * 1024

export interface CopyDataOptions {
  readonly source: SourceBlobs
  readonly pass: TargetPass
  readonly data: NumberSet
  /** After each range, with how long it is, sealed: throws where it is to end. */
  readonly onRead: (bytes: number) => void
}

interface WantedFrame extends FrameLocation {
  /** Number of its first blob. */
  readonly first: number
  /** Those of its blobs that are needed. */
  readonly numbers: readonly number[]
}

interface Range {
  readonly frames: readonly WantedFrame[]
  readonly bytes: number
}

type Fetched = { readonly bytes: Bytes } | { readonly error: unknown }

/** How much will be fetched for these blobs. */
export function bytesToRead(source: SourceBlobs, data: NumberSet): number {
  let bytes = 0
  for (const frame of wantedFrames(source, data)) bytes += frame.storedBytes
  return bytes
}

/** Throws where the target cannot be written, or the source is gone. */
export async function copyData(options: CopyDataOptions): Promise<void> {
  const { source, pass, data, onRead } = options
  let before: { readonly range: Range; readonly fetched: Promise<Fetched> } | undefined
  for (const range of rangesOf(source, data)) {
    const next = { range, fetched: fetch(source, range) }
    if (before !== undefined) await takeRange(options, before.range, await before.fetched)
    before = next
    onRead(range.bytes)
    await pass.packs.keepUp()
  }
  if (before !== undefined) await takeRange(options, before.range, await before.fetched)
  await pass.packs.keepUp()
}

function* wantedFrames({ index }: SourceBlobs, data: NumberSet): Generator<WantedFrame> {
  const { image } = index
  let numbers: number[] = []
  let frame = -1
  const wanted = () => ({ ...image.frame(frame), first: image.firstBlob(frame), numbers })
  for (const number of data) {
    const next = image.frameOf(number)
    if (next !== frame && frame >= 0) {
      yield wanted()
      numbers = []
    }
    frame = next
    numbers.push(number)
  }
  if (frame >= 0) yield wanted()
}

function* rangesOf(source: SourceBlobs, data: NumberSet): Generator<Range> {
  let frames: WantedFrame[] = []
  let bytes = 0
  for (const frame of wantedFrames(source, data)) {
    const last = frames.at(-1)
    const follows = last?.pack === frame.pack && last.offset + last.storedBytes === frame.offset
    if (frames.length > 0 && !(follows && bytes + frame.storedBytes <= RANGE_BYTES_MAX)) {
      yield { frames, bytes }
      frames = []
      bytes = 0
    }
    frames.push(frame)
    bytes += frame.storedBytes
  }
  if (frames.length > 0) yield { frames, bytes }
}

/** Never rejects: nobody may be waiting for it yet. */
async function fetch({ store, index }: SourceBlobs, { frames, bytes }: Range): Promise<Fetched> {
  const [first] = frames
  const { name } = index.packs[first?.pack as number] as SourceBlobs['index']['packs'][number]
  try {
    return { bytes: await store.get(name, { offset: first?.offset as number, length: bytes }) }
  } catch (error) {
    return { error }
  }
}

async function takeRange(options: CopyDataOptions, range: Range, fetched: Fetched): Promise<void> {
  const { source } = options
  if ('bytes' in fetched) {
    source.tellRead()
    let at = 0
    for (const frame of range.frames) {
      takeFrame(options, frame, fetched.bytes.subarray(at, at + frame.storedBytes))
      at += frame.storedBytes
    }
    return
  }
  const [frame] = range.frames
  if (range.frames.length === 1) {
    const error = source.asDamage(fetched.error)
    for (const number of frame?.numbers ?? []) source.damaged.set(number, error)
    return
  }
  // One bad sector costs one frame.
  for (const one of range.frames) {
    const alone = { frames: [one], bytes: one.storedBytes }
    await takeRange(options, alone, await fetch(source, alone))
  }
}

function takeFrame(options: CopyDataOptions, frame: WantedFrame, sealed: Bytes): void {
  const { source, pass } = options
  const opened = openedFrame(source, frame, sealed)
  if (opened instanceof CairnError) {
    for (const number of frame.numbers) source.damaged.set(number, opened)
    return
  }
  const present = pass.presentOf(source)
  const blobs: NamedBlob[] = []
  for (const number of frame.numbers) {
    const blob = opened.blobs[number - frame.first]
    if (blob === undefined || !source.isData(number, blob)) {
      source.damaged.set(number, notTheBlob(source, frame))
      continue
    }
    const id = pass.dataId(blob)
    source.ids.set(number, id)
    present.add(number)
    blobs.push({ id, blob })
  }
  pass.data.put(opened, blobs)
}

function openedFrame(
  source: SourceBlobs,
  frame: WantedFrame,
  sealed: Bytes,
): WholeFrame | CairnError {
  try {
    return openWholeFrame(sealed, { ...source.sealOf(frame), rawBytes: frame.rawBytes })
  } catch (error) {
    const { code, message } = source.asDamage(error)
    return new CairnError(
      code,
      `Cannot read ${nameOf(source, frame)} at ${frame.offset}: ${message}`,
      {
        cause: error,
      },
    )
  }
}

function notTheBlob(source: SourceBlobs, frame: WantedFrame): CairnError {
  const what = `what ${nameOf(source, frame)} holds at ${frame.offset} is not what its ids say`
  return new CairnError('object-damaged', `Cannot use data: ${what}`)
}

function nameOf({ index }: SourceBlobs, { pack }: FrameLocation): string {
  return index.packs[pack]?.name ?? 'a pack'
}
