// A pack that frames are taken from: one that is damaged, one that is marked for deletion, or one of a copy
// of the repository. What its header says counts for the frames that can be had of it, and for no others.

import type { Bytes } from '../../base/bytes.ts'
import { CairnError } from '../../base/errors.ts'
import type { PackHeader } from '../../format/pack.ts'
import type { PackKind } from '../../format/prefix.ts'
import type { DomainAccess } from '../../repository/access.ts'
import { FOUND_BYTES_MAX } from '../../repository/quarantine.ts'
import { getBounded, getVerified } from '../../store/content.ts'
import type { Store } from '../../store/store.ts'
import type { FramePacks } from '../frame-packs.ts'
import { firstBlobs, sealedFrame } from '../prune/move-frames.ts'
import { salvage } from './salvage.ts'

export type FrameOrigin = 'damaged' | 'marked' | 'copy'

export interface FrameSource {
  /** Of the pack. */
  readonly name: string
  readonly origin: FrameOrigin
  readonly store: Store
  readonly domain: DomainAccess
  readonly kind: PackKind
  /** Of frames that can be had. */
  readonly header: PackHeader
  /** For each of these frames when a store first had it. */
  readonly receivedMs: readonly number[]
}

/** Frames of a source, by their places in its header. */
export interface TakenFrames {
  readonly source: FrameSource
  readonly frames: readonly number[]
}

export function bytesOf({ source, frames }: TakenFrames): number {
  const stored = (frame: number) => source.header.frames[frame]?.storedBytes ?? 0
  return frames.reduce((sum, frame) => sum + stored(frame), 0)
}

/** Adds frames to new packs. Throws 'object-damaged' where the source is not what it was found to be. */
export async function takeFrames(
  packs: FramePacks,
  { source, frames }: TakenFrames,
): Promise<void> {
  const { header, kind, receivedMs } = source
  const bytes = await readAgain(source)
  const blobs = firstBlobs({ header })
  for (const frame of frames) {
    const sealed = sealedFrame({ header }, { bytes, frame, firstBlob: blobs[frame] as number })
    await packs.add(sealed, { kind, receivedMs: receivedMs[frame] as number })
  }
}

/** What a bad disk gives out may differ each time: so frames of it are verified each time. */
async function readAgain({
  name,
  origin,
  store,
  domain,
  kind,
  header,
}: FrameSource): Promise<Bytes> {
  if (origin !== 'damaged') return getVerified(store, name)
  const bytes = await getBounded(store, { name, bytesMax: FOUND_BYTES_MAX })
  const again = salvage(bytes, { domain, kind, columns: header })
  if (again.frames.length === header.frames.length) return bytes
  throw new CairnError('object-damaged', `Cannot save what ${name} holds: it reads differently now`)
}
