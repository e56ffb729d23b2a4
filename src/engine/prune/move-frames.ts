// Moving whole frames into new packs, without a key that opens them. A pack whose frames are moved is read as
// a whole and compared with its name before: nothing that a disk has spoilt gets a new name.

import type { Bytes } from '../../base/bytes.ts'
import { BLOB_ID_BYTES } from '../../format/ids.ts'
import type { Session } from '../../format/pack.ts'
import type { PackKind } from '../../format/prefix.ts'
import {
  type FinishedPack,
  PACK_TARGET_BYTES,
  PackWriter,
  packMemoryBytes,
  type SealedFrame,
} from '../../packer/pack-writer.ts'
import { putSegment } from '../../repository/index-write.ts'
import type { ReadHeader } from '../../repository/pack-headers.ts'
import type { Repository } from '../../repository/repository.ts'
import { putUpkeepRecord } from '../../repository/upkeep-records.ts'
import { upkeepSignatory } from '../../repository/upkeep-signatory.ts'
import type { Random } from '../../sealer/random.ts'
import { getVerified } from '../../store/content.ts'
import { contentName } from '../../store/names.ts'
import type { FramePlace } from './liveness.ts'
import type { DomainSurvey } from './survey.ts'

/** Enough that no two are ever the same. */
const PADDING_BYTES_MIN = 32

export interface MoveOptions {
  readonly repository: Repository
  readonly survey: DomainSurvey
  readonly random: Random
  readonly receivedMs: (place: FramePlace) => number
  /** Of all frames that will be taken. */
  readonly bytes: number
}

interface OpenPack {
  readonly writer: PackWriter
  readonly receivedMs: number[]
}

/** Gathers frames into packs; each is stored, named in the index and its times recorded when it is full. */
export class FrameMover {
  readonly #options: MoveOptions
  readonly #open = new Map<PackKind, OpenPack>()

  constructor(options: MoveOptions) {
    this.#options = options
  }

  /** Takes frames of one pack. Throws 'object-damaged' where the pack is not as its name says. */
  async take(pack: string, frames: readonly number[]): Promise<void> {
    const { repository, survey, receivedMs } = this.#options
    const read = survey.headers.get(pack) as ReadHeader
    const bytes = await getVerified(repository.store, pack)
    const blobs = firstBlobs(read)
    for (const frame of frames) {
      const sealed = sealedFrame(read, { bytes, frame, firstBlob: blobs[frame] as number })
      await this.#add(sealed, { kind: read.indexed.kind, receivedMs: receivedMs({ pack, frame }) })
    }
  }

  /** Stores what is open. After it everything that was taken is in unmarked packs that the index names. */
  async flush(): Promise<void> {
    for (const kind of [...this.#open.keys()]) await this.#store(kind)
  }

  async #add(
    frame: SealedFrame & { readonly session: Session },
    { kind, receivedMs }: { readonly kind: PackKind; readonly receivedMs: number },
  ): Promise<void> {
    if (this.#open.get(kind)?.writer.fits(frame) === false) await this.#store(kind)
    const open = this.#open.get(kind) ?? this.#begin(kind, frame)
    open.writer.add(frame)
    open.receivedMs.push(receivedMs)
  }

  #begin(kind: PackKind, frame: SealedFrame & { readonly session: Session }): OpenPack {
    const { survey, bytes } = this.#options
    const { domain } = survey
    const { epoch } = domain.latest
    const wanted = Math.min(PACK_TARGET_BYTES, packMemoryBytes(bytes))
    const length = Math.max(wanted, packMemoryBytes(frame.sealed.length))
    const writer = new PackWriter(frame.session, {
      kind,
      ...domain.scope,
      epoch,
      headerSeal: domain.headerSeal(epoch),
      memory: new Uint8Array(length),
    })
    const open = { writer, receivedMs: [] }
    this.#open.set(kind, open)
    return open
  }

  /** Padding is random, so that no two runs ever give a pack of the same frames the same name. */
  async #store(kind: PackKind): Promise<void> {
    const { repository, survey, random } = this.#options
    const { writer, receivedMs } = this.#open.get(kind) as OpenPack
    this.#open.delete(kind)
    const pack = writer.finish(random, PADDING_BYTES_MIN)
    await repository.store.put(contentName('packs', pack.indexed.hash), pack.parts)
    const { domain } = survey
    await putSegment(repository, {
      domain,
      signatory: upkeepSignatory(repository, domain),
      packs: [{ indexed: pack.indexed, columns: pack.header }],
      supersedes: [],
    })
    await this.#recordTimes(pack, receivedMs)
  }

  async #recordTimes({ indexed }: FinishedPack, receivedMs: readonly number[]): Promise<void> {
    const { repository, survey } = this.#options
    const record = { snapshots: [], moved: [{ pack: indexed.hash, receivedMs }] }
    await putUpkeepRecord(repository, { kind: 'sighting', domain: survey.domain, record })
  }
}

/** For each frame the number of its first blob in the pack. */
function firstBlobs({ header }: ReadHeader): readonly number[] {
  let next = 0
  return header.frames.map(({ blobCount }) => {
    const first = next
    next += blobCount
    return first
  })
}

function sealedFrame(
  { header }: ReadHeader,
  {
    bytes,
    frame,
    firstBlob,
  }: { readonly bytes: Bytes; readonly frame: number; readonly firstBlob: number },
): SealedFrame & { readonly session: Session } {
  const { session, offset, storedBytes, rawBytes, blobCount } = header.frames[
    frame
  ] as (typeof header.frames)[number]
  const counts = header.refCounts.subarray(firstBlob, firstBlob + blobCount)
  const firstRef = header.refCounts.subarray(0, firstBlob).reduce((sum, count) => sum + count, 0)
  const refs = counts.reduce((sum, count) => sum + count, 0)
  return {
    session: header.sessions[session] as Session,
    sealed: bytes.subarray(offset, offset + storedBytes),
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
