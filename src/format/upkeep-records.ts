// What only upkeep puts (docs/format.md, section 13): forget records, sightings, holds, renewals and
// losses. Each is an envelope, signed by upkeep and sealed under the header key. None is ever changed: what
// takes another one back names it.

import type { Bytes } from '../base/bytes.ts'
import {
  array,
  bytes,
  type Codec,
  choice,
  fixedBytes,
  optional,
  record,
  required,
  text,
  time,
  uint,
  yes,
} from './codec.ts'
import { BLOB_ID_BYTES } from './ids.ts'
import {
  FORGOTTEN_MAX,
  LOST_IDS_MAX,
  MARKED_NAMES_MAX,
  PACK_FRAMES_MAX,
  SIGHTED_MAX,
  SNAPSHOT_BYTES_MAX,
  TEXT_BYTES_MAX,
} from './limits.ts'
import { SOURCE_ID_BYTES } from './signing.ts'

const NAME_HASH_BYTES = 32

/** A snapshot that was removed on purpose. */
export interface Forgotten {
  /** SHA-256 name. */
  readonly snapshot: Bytes
  readonly sourceId: Bytes
  readonly sequence: number
  readonly isConfirmed: boolean
  /** SHA-256 name of the one that it followed: who finds that gone, and not forgotten, knows that it was lost. */
  readonly predecessor: Bytes | undefined
  /** The snapshot as it was stored: with it the snapshot can be had back. Left out after the window. */
  readonly object: Bytes | undefined
}

/** About what one takes of which only the fact is said, its open name included. */
export const FACT_BYTES = 192

export interface ForgetRecord {
  readonly snapshots: readonly Forgotten[]
  readonly forgottenMs: number
  /** By the retention of a copy: it says nothing of the repository that this is a copy of, nor of other copies. */
  readonly isOfCopy?: true | undefined
}

const forgottenCodec: Codec<Forgotten> = record<Forgotten>({
  snapshot: required(1, fixedBytes(NAME_HASH_BYTES)),
  sourceId: required(2, fixedBytes(SOURCE_ID_BYTES)),
  sequence: required(3, uint()),
  isConfirmed: required(4, flag()),
  object: optional(5, bytes(SNAPSHOT_BYTES_MAX)),
  predecessor: optional(6, fixedBytes(NAME_HASH_BYTES)),
})

export const forgetCodec: Codec<ForgetRecord> = record<ForgetRecord>({
  snapshots: required(1, array(forgottenCodec, FORGOTTEN_MAX)),
  forgottenMs: required(2, time),
  isOfCopy: optional(3, yes()),
})

/** When a store first had a snapshot, by its own clock. */
export interface SightedSnapshot {
  readonly snapshot: Bytes
  readonly receivedMs: number
}

/** Frames that were moved into another pack: for each, when a store first had it. */
export interface MovedFrames {
  /** SHA-256 name of the pack that they are in now. */
  readonly pack: Bytes
  /** In the order of the pack's header. */
  readonly receivedMs: readonly number[]
}

export interface Sighting {
  readonly snapshots: readonly SightedSnapshot[]
  readonly moved: readonly MovedFrames[]
}

export const sightingCodec: Codec<Sighting> = record<Sighting>({
  snapshots: required(
    1,
    array(
      record<SightedSnapshot>({
        snapshot: required(1, fixedBytes(NAME_HASH_BYTES)),
        receivedMs: required(2, time),
      }),
      SIGHTED_MAX,
    ),
  ),
  moved: required(
    2,
    array(
      record<MovedFrames>({
        pack: required(1, fixedBytes(NAME_HASH_BYTES)),
        receivedMs: required(2, array(time, PACK_FRAMES_MAX)),
      }),
      SIGHTED_MAX,
    ),
  ),
})

/** Snapshots that must not be forgotten, until another record releases this one. */
export interface Hold {
  readonly snapshots: readonly Bytes[]
  /** SHA-256 names of the holds that it takes back. */
  readonly releases: readonly Bytes[]
  readonly reason: string
  readonly heldMs: number
}

export const holdCodec: Codec<Hold> = record<Hold>({
  snapshots: required(1, array(fixedBytes(NAME_HASH_BYTES), MARKED_NAMES_MAX)),
  releases: required(2, array(fixedBytes(NAME_HASH_BYTES), MARKED_NAMES_MAX)),
  reason: required(3, text(TEXT_BYTES_MAX)),
  heldMs: required(4, time),
})

/** Packs that are wasteful and that upkeep cannot split: writers seal again what they need of them. */
export interface Renewal {
  readonly packs: readonly Bytes[]
  readonly renewedMs: number
}

export const renewalCodec: Codec<Renewal> = record<Renewal>({
  packs: required(1, array(fixedBytes(NAME_HASH_BYTES), MARKED_NAMES_MAX)),
  renewedMs: required(2, time),
})

/** Blobs that are needed, are in no pack, and could be had from nowhere. */
export interface Loss {
  readonly ids: readonly Bytes[]
  readonly foundMs: number
}

export const lossCodec: Codec<Loss> = record<Loss>({
  ids: required(1, array(fixedBytes(BLOB_ID_BYTES), LOST_IDS_MAX)),
  foundMs: required(2, time),
})

function flag(): Codec<boolean> {
  const number = choice({ no: 0, yes: 1 })
  return {
    write: (writer, value) => number.write(writer, value ? 'yes' : 'no'),
    read: (reader) => number.read(reader) === 'yes',
  }
}
