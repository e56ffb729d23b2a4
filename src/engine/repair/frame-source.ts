// A pack that frames are taken from: one that is damaged, one that is marked for deletion, or one of a copy
// of the repository. What its header says counts for the frames that can be had of it, and for no others.

import type { Bytes } from '../../base/bytes.ts'
import { CairnError, isCairnError } from '../../base/errors.ts'
import type { Frame, PackHeader } from '../../format/pack.ts'
import type { PackKind } from '../../format/prefix.ts'
import type { DomainAccess } from '../../repository/access.ts'
import { UNREADABLE, WITHHELD } from '../../repository/object-problem.ts'
import { FOUND_BYTES_MAX } from '../../repository/quarantine.ts'
import { getBounded, getVerified } from '../../store/content.ts'
import type { Store } from '../../store/store.ts'
import type { FramePacks } from '../frame-packs.ts'
import { firstBlobs, sealedFrame } from '../prune/move-frames.ts'
import { salvage } from './salvage.ts'

export interface FrameSource {
  /** Of the pack. */
  readonly name: string
  readonly origin: 'damaged' | 'marked' | 'copy'
  /** Whether the pack is what its name says; of one that is not, each frame is verified by itself. */
  readonly isIntact: boolean
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

/**
 * The source as it really is, read as a whole: nothing may rely on a header alone. Of a pack that is damaged the
 * frames that are good, where the key opens them; undefined where nothing can be had of it.
 */
export async function verifySource(source: FrameSource): Promise<FrameSource | undefined> {
  try {
    await getVerified(source.store, source.name)
    return source
  } catch (error) {
    if (isCairnError(error, 'object-missing', ...WITHHELD)) return undefined
    if (!isCairnError(error, ...UNREADABLE)) throw error
  }
  if (!source.domain.canOpen) return undefined
  const { store, name, header, receivedMs } = source
  const bytes = await getBounded(store, { name, bytesMax: FOUND_BYTES_MAX })
  const good = salvage(bytes, { ...source, columns: header })
  const timeOf = (frame: Frame) => receivedMs[header.frames.indexOf(frame)] as number
  return { ...source, isIntact: false, header: good, receivedMs: good.frames.map(timeOf) }
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
  isIntact,
  store,
  domain,
  kind,
  header,
}: FrameSource): Promise<Bytes> {
  if (isIntact) return getVerified(store, name)
  const bytes = await getBounded(store, { name, bytesMax: FOUND_BYTES_MAX })
  const again = salvage(bytes, { domain, kind, columns: header })
  if (again.frames.length === header.frames.length) return bytes
  throw new CairnError('object-damaged', `Cannot save what ${name} holds: it reads differently now`)
}
