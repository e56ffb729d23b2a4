// Splitting frames that are partly needed, by who can open them: what is needed of them is verified, gathered in
// new frames under a session of this run, and stored in new packs with the times at which a store first had it.
// So the new copies are the first ones, and the old frames are dead with the next survey. Nothing is deleted
// here: killed at any point, more is stored than is needed, and that is all.

import { type Bytes, concat, equalBytes, toHex } from '../../base/bytes.ts'
import { CairnError, isCairnError } from '../../base/errors.ts'
import { BLOB_ID_BYTES, type BlobId, blobId } from '../../format/ids.ts'
import type { Frame } from '../../format/pack.ts'
import type { PackKind } from '../../format/prefix.ts'
import { openFrame } from '../../packer/frame.ts'
import { FrameGatherer } from '../../packer/frame-gatherer.ts'
import type { SealedFrame } from '../../packer/pack-writer.ts'
import type { EncodedHeader } from '../../repository/pack-headers.ts'
import type { Random } from '../../sealer/random.ts'
import type { SessionKeys } from '../../sealer/session.ts'
import { frameSealOf } from '../blob-reader.ts'
import { FramePacks } from '../frame-packs.ts'
import { describedFrame, firstBlobs } from './move-frames.ts'
import type { DomainPlan, Obstacle } from './plan.ts'
import { whyNot } from './why-not.ts'

export interface CompactResult {
  /** Of frames that were split, as they are stored; 0 where the store was full before the end. */
  readonly splitBytes: number
  /** Of the frames that took their place. */
  readonly storedBytes: number
  /** Packs with frames that could not be split, and why. */
  readonly obstacles: readonly Obstacle[]
}

export interface CompactOptions {
  readonly random: Random
  readonly signal: AbortSignal
}

/** Where the store is full it stops: what is stored by then counts. Throws 'interrupted'. */
export async function compact(plan: DomainPlan, options: CompactOptions): Promise<CompactResult> {
  const splitter = new FrameSplitter(plan, options)
  const obstacles: Obstacle[] = []
  try {
    for (const [pack, frames] of neededByPack(plan)) {
      if (options.signal.aborted) throw new CairnError('interrupted', 'Interrupted')
      const why = await whyNot(() => splitter.take(pack, frames))
      if (why !== undefined) obstacles.push({ object: pack, why })
    }
    await splitter.flush()
  } catch (error) {
    if (!isCairnError(error, 'no-space')) throw error
    obstacles.push({ object: 'packs/', why: error.message })
    // How much of what was sealed is in packs that were stored shows in the next plan.
    return { splitBytes: 0, storedBytes: 0, obstacles }
  }
  return { ...splitter.bytes, obstacles }
}

interface NeededFrame {
  readonly frame: number
  /** Places of blobs in it, in order. */
  readonly needed: readonly number[]
}

function neededByPack({
  liveness,
  compaction: { frames },
}: DomainPlan): ReadonlyMap<string, readonly NeededFrame[]> {
  const needed = liveness.neededBlobs(frames)
  const all = frames.map(({ pack, frame }, i) => ({
    pack,
    frame,
    needed: needed[i] as readonly number[],
  }))
  return Map.groupBy(all, ({ pack }) => pack)
}

/** A needed blob, with what goes along with it. */
interface Kept {
  readonly id: BlobId
  readonly blob: Bytes
  /** Ids that it refers to, one after the other. */
  readonly refs: Bytes
}

class FrameSplitter {
  readonly #plan: DomainPlan
  readonly #packs: FramePacks
  readonly #session: SessionKeys
  readonly #gatherers = new Map<PackKind, FrameGatherer>()
  /** Frames that are sealed, on their way into packs. */
  readonly #sealed: { readonly kind: PackKind; readonly frame: SealedFrame }[] = []
  /** Of blobs that are gathered, by their ids in hexadecimal. */
  readonly #gathered = new Map<string, { readonly refs: Bytes; readonly receivedMs: number }>()
  #splitBytes = 0
  #storedBytes = 0

  constructor(plan: DomainPlan, { random }: CompactOptions) {
    const { repository, domain } = plan.survey
    this.#plan = plan
    this.#session = domain.beginSession()
    const bytes = plan.compaction.frames.reduce((sum, { storedBytes }) => sum + storedBytes, 0)
    this.#packs = new FramePacks({ repository, domain, random, bytes })
  }

  get bytes(): Pick<CompactResult, 'splitBytes' | 'storedBytes'> {
    return { splitBytes: this.#splitBytes, storedBytes: this.#storedBytes }
  }

  /** Takes what is needed of the frames of one pack. Throws 'object-damaged' and others where one is not good. */
  async take(pack: string, frames: readonly NeededFrame[]): Promise<void> {
    const { survey, liveness } = this.#plan
    const read = survey.headers.get(pack) as EncodedHeader
    const { header } = read
    const { kind } = read.indexed
    const firsts = firstBlobs({ header })
    for (const { frame, needed } of frames) {
      const { storedBytes, offset } = header.frames[frame] as Frame
      const described = describedFrame({ header }, { frame, firstBlob: firsts[frame] as number })
      const sealed = await survey.repository.store.get(pack, { offset, length: storedBytes })
      const receivedMs = liveness.beforeMs({ pack, frame })
      for (const { id, blob, refs } of this.#open(sealed, { kind, needed, described })) {
        this.#gathered.set(toHex(id), { refs, receivedMs })
        this.#gathererOf(kind).add(id, blob)
      }
      this.#splitBytes += storedBytes
      await this.#store()
    }
  }

  async flush(): Promise<void> {
    for (const gatherer of this.#gatherers.values()) gatherer.flush()
    await this.#store()
    await this.#packs.flush()
  }

  /** All of them or none: each is what its id says. */
  #open(
    sealed: Bytes,
    {
      kind,
      needed,
      described,
    }: {
      readonly kind: PackKind
      readonly needed: readonly number[]
      readonly described: ReturnType<typeof describedFrame>
    },
  ): readonly Kept[] {
    const { domain } = this.#plan.survey
    const { session, rawBytes, ids, refCounts, refs } = described
    const blobs = openFrame(sealed, { ...frameSealOf(domain, { session, kind }), rawBytes })
    const type = kind === 'tree-pack' ? 'tree' : 'data'
    const ends = refEnds(refCounts)
    return needed.map((position) => {
      const id = blobId(ids.slice(BLOB_ID_BYTES * position, BLOB_ID_BYTES * (position + 1)))
      const blob = blobs[position]
      if (blob === undefined || !equalBytes(domain.idOf(type, blob), id))
        throw new CairnError('object-damaged', `A frame does not hold the blob ${toHex(id)}`)
      return { id, blob, refs: refs.subarray(ends[position - 1] ?? 0, ends[position] ?? 0) }
    })
  }

  #gathererOf(kind: PackKind): FrameGatherer {
    const known = this.#gatherers.get(kind)
    if (known !== undefined) return known
    const { domain } = this.#plan.survey
    const { session } = this.#session
    const gatherer = new FrameGatherer({
      frameSeal: frameSealOf(domain, { session, kind }),
      level: 'auto',
      onFrame: (frame) => this.#sealed.push({ kind, frame }),
    })
    this.#gatherers.set(kind, gatherer)
    return gatherer
  }

  /** A frame has the earliest time of its blobs: each of them was verified, so that any of them may be first. */
  async #store(): Promise<void> {
    for (const { kind, frame } of this.#sealed.splice(0)) {
      const hexes = idsOf(frame).map(toHex)
      const facts = hexes.map(
        (hex) => this.#gathered.get(hex) as { refs: Bytes; receivedMs: number },
      )
      for (const hex of hexes) this.#gathered.delete(hex)
      const refs = facts.map((one) => one.refs)
      const isTree = kind === 'tree-pack'
      const moved = {
        ...frame,
        session: this.#session.session,
        ...(isTree && {
          refCounts: refs.map(({ length }) => length / BLOB_ID_BYTES),
          refs: concat(refs),
        }),
      }
      await this.#packs.add(moved, {
        kind,
        receivedMs: Math.min(...facts.map((one) => one.receivedMs)),
      })
      this.#storedBytes += frame.sealed.length
    }
  }
}

function idsOf({ ids }: SealedFrame): readonly Bytes[] {
  return Array.from({ length: ids.length / BLOB_ID_BYTES }, (_, i) =>
    ids.subarray(BLOB_ID_BYTES * i, BLOB_ID_BYTES * (i + 1)),
  )
}

/** For each blob where the ids that it refers to end. */
function refEnds(refCounts: readonly number[]): readonly number[] {
  let end = 0
  return refCounts.map((count) => {
    end += BLOB_ID_BYTES * count
    return end
  })
}
