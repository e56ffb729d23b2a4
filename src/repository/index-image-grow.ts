// An image with the packs of another behind its own, in the memory that it has: what is sorted moves up and
// makes room, so that a day's new packs cost neither building all anew nor a second copy of a large index.

import { BLOB_ID_BYTES } from '../format/ids.ts'
import {
  bucketOf,
  columnsOf,
  FRAME_WORDS,
  fanBitsFor,
  fillSamples,
  type ImageColumns,
  type ImageHandle,
  IndexImage,
  lookupBytes,
} from './index-image.ts'

/**
 * The image of both, whose packs, frames, blobs and sessions are numbered through; undefined where there is no
 * room, or where it would have become much slower to look into. Uses up the memory of `base`.
 */
export function growImage(
  base: IndexImage,
  added: IndexImage,
  { sessionBase }: { /** Added to the session numbers of `added`. */ readonly sessionBase: number },
): IndexImage | undefined {
  const [old, more] = [base.handle, added.handle]
  const counts = {
    blobs: old.blobs + more.blobs,
    frames: old.frames + more.frames,
    packs: old.packs + more.packs,
    runs: old.runs + more.runs,
    fanBits: old.fanBits,
  }
  const isRoomy =
    BLOB_ID_BYTES * counts.blobs <= old.ids.byteLength &&
    4 * FRAME_WORDS * counts.frames <= old.frameWords.byteLength
  // The buckets stay, and may become twice as full.
  if (!isRoomy || fanBitsFor(counts.blobs) > old.fanBits + 1) return undefined
  const lookup = new SharedArrayBuffer(lookupBytes(counts))
  const handle: ImageHandle = { ...counts, ids: old.ids, frameWords: old.frameWords, lookup }
  const [from, to, columns] = [columnsOf(old), columnsOf(handle), columnsOf(more)]
  append(to, { from, columns, old, sessionBase })
  fillSamples(to)
  insert(to, { from, columns, old })
  return new IndexImage(handle)
}

interface Growing {
  readonly from: ImageColumns
  readonly columns: ImageColumns
  readonly old: ImageHandle
}

/** Frames, packs and runs stay in their order: those of the other come behind. */
function append(
  to: ImageColumns,
  { from, columns, old, sessionBase }: Growing & { readonly sessionBase: number },
): void {
  to.frameWords.set(columns.frameWords, FRAME_WORDS * old.frames)
  to.packFirst.set(from.packFirst)
  to.runFirst.set(from.runFirst)
  to.runSession.set(from.runSession)
  const { packFirst, runFirst, runSession } = columns
  for (let i = 0; i < packFirst.length; i++)
    to.packFirst[old.packs + i] = old.frames + (packFirst[i] as number)
  for (let i = 0; i < runFirst.length; i++) {
    to.runFirst[old.runs + i] = old.frames + (runFirst[i] as number)
    to.runSession[old.runs + i] = sessionBase + (runSession[i] as number)
  }
}

/** Each new id at the end of its bucket, where copies with higher numbers belong; from the last one on. */
function insert(to: ImageColumns, { from, columns, old }: Growing): void {
  const { fanBits, blobs } = old
  const count = columns.order.length
  const bucket = (at: number) => bucketOf(columns.ids, BLOB_ID_BYTES * at, fanBits)
  const places = Array.from({ length: count }, (_, at) => at).sort(
    (a, b) => bucket(a) - bucket(b) || (columns.order[a] as number) - (columns.order[b] as number),
  )
  to.fan.set(from.fan)
  for (const at of places) to.fan[bucket(at) + 1] = (to.fan[bucket(at) + 1] as number) + 1
  let extra = 0
  for (let i = 1; i < to.fan.length; i++) {
    extra += (to.fan[i] as number) - (from.fan[i] as number)
    to.fan[i] = (from.fan[i] as number) + extra
  }
  let end = blobs
  for (let left = count; left > 0; left--) {
    const at = places[left - 1] as number
    const begin = from.fan[bucket(at) + 1] as number
    to.ids.copyWithin(BLOB_ID_BYTES * (begin + left), BLOB_ID_BYTES * begin, BLOB_ID_BYTES * end)
    to.order.set(from.order.subarray(begin, end), begin + left)
    const place = begin + left - 1
    to.ids.set(
      columns.ids.subarray(BLOB_ID_BYTES * at, BLOB_ID_BYTES * (at + 1)),
      BLOB_ID_BYTES * place,
    )
    to.order[place] = blobs + (columns.order[at] as number)
    end = begin
  }
  to.order.set(from.order.subarray(0, end))
}
