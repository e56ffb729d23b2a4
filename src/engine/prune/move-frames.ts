// Moving whole frames into new packs, without a key that opens them. A pack whose frames are moved is read as
// a whole and compared with its name before: nothing that a disk has spoilt gets a new name.

import type { Bytes } from '../../base/bytes.ts'
import { BLOB_ID_BYTES } from '../../format/ids.ts'
import type { Frame, Session } from '../../format/pack.ts'
import type { ReadHeader } from '../../repository/pack-headers.ts'
import type { Repository } from '../../repository/repository.ts'
import type { Random } from '../../sealer/random.ts'
import { getVerified } from '../../store/content.ts'
import { FramePacks, type MovedFrame } from '../frame-packs.ts'
import type { FramePlace } from './liveness.ts'
import type { DomainSurvey } from './survey.ts'

export interface MoveOptions {
  readonly repository: Repository
  readonly survey: DomainSurvey
  readonly random: Random
  readonly receivedMs: (place: FramePlace) => number
  /** Of all frames that will be taken. */
  readonly bytes: number
}

/** Takes frames out of packs and gathers them in new ones. */
export class FrameMover {
  readonly #options: MoveOptions
  readonly #packs: FramePacks

  constructor(options: MoveOptions) {
    this.#options = options
    this.#packs = new FramePacks({ ...options, domain: options.survey.domain })
  }

  /** Takes frames of one pack. Throws 'object-damaged' where the pack is not as its name says. */
  async take(pack: string, frames: readonly number[]): Promise<void> {
    const { repository, survey, receivedMs } = this.#options
    const read = survey.headers.get(pack) as ReadHeader
    const bytes = await getVerified(repository.store, pack)
    const blobs = firstBlobs(read)
    for (const frame of frames) {
      const sealed = sealedFrame(read, { bytes, frame, firstBlob: blobs[frame] as number })
      const about = { kind: read.indexed.kind, receivedMs: receivedMs({ pack, frame }) }
      await this.#packs.add(sealed, about)
    }
  }

  /** Stores what is open. After it everything that was taken is in unmarked packs that the index names. */
  async flush(): Promise<void> {
    await this.#packs.flush()
  }
}

/** For each frame the number of its first blob in the pack. */
export function firstBlobs({ header }: Pick<ReadHeader, 'header'>): readonly number[] {
  let next = 0
  return header.frames.map(({ blobCount }) => {
    const first = next
    next += blobCount
    return first
  })
}

/** A frame of a pack, with what the pack's header says of it. Its sealed bytes are a view. */
export function sealedFrame(
  read: Pick<ReadHeader, 'header'>,
  {
    bytes,
    ...place
  }: { readonly bytes: Bytes; readonly frame: number; readonly firstBlob: number },
): MovedFrame {
  const { offset, storedBytes } = read.header.frames[place.frame] as Frame
  return { ...describedFrame(read, place), sealed: bytes.subarray(offset, offset + storedBytes) }
}

/** What a pack's header says of a frame that goes along with it wherever it is moved. */
export function describedFrame(
  { header }: Pick<ReadHeader, 'header'>,
  { frame, firstBlob }: { readonly frame: number; readonly firstBlob: number },
): Required<Omit<MovedFrame, 'sealed'>> {
  const { session, rawBytes, blobCount } = header.frames[frame] as Frame
  const counts = header.refCounts.subarray(firstBlob, firstBlob + blobCount)
  const firstRef = header.refCounts.subarray(0, firstBlob).reduce((sum, count) => sum + count, 0)
  const refs = counts.reduce((sum, count) => sum + count, 0)
  return {
    session: header.sessions[session] as Session,
    rawBytes,
    ids: idsIn(header.ids, { from: firstBlob, count: blobCount }),
    refCounts: [...counts],
    refs: idsIn(header.refs, { from: firstRef, count: refs }),
  }
}

function idsIn(
  ids: Bytes,
  { from, count }: { readonly from: number; readonly count: number },
): Bytes {
  return ids.slice(BLOB_ID_BYTES * from, BLOB_ID_BYTES * (from + count))
}
