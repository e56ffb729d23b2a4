// Snapshots (docs/format.md, section 12):
//
//     prefix | length of the sealed summary (u32) | sealed summary | encapsulation | sealed details
//
// The summary, signed, is for everyone with the header key: it has what retention and marking need.
// The details are for readers: host, paths, tags, what could not be read. The summary holds the
// details' hash, so that its signature covers both.

import { type Bytes, viewOf } from '../base/bytes.ts'
import { malformed } from './cbor.ts'
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
} from './codec.ts'
import { BLOB_ID_BYTES } from './ids.ts'
import {
  OWNER_NAME_BYTES_MAX,
  PATH_BYTES_MAX,
  PATHS_MAX,
  PROBLEMS_MAX,
  SNAPSHOT_BYTES_MAX,
  SUMMARY_BYTES_MAX,
  TAGS_MAX,
  TEXT_BYTES_MAX,
} from './limits.ts'
import { ENCAPSULATION_BYTES } from './pack.ts'
import { PREFIX_BYTES, REPOSITORY_ID_BYTES } from './prefix.ts'
import { SOURCE_ID_BYTES, VERIFY_KEY_BYTES } from './signing.ts'
import { type Entry, entryCodec } from './tree.ts'

export const SESSION_ID_BYTES = 16

/**
 * complete: everything was read. incomplete: some of it could not be. checkpoint: the run was not at
 * its end yet.
 */
export type Ending = 'complete' | 'incomplete' | 'checkpoint'

export interface Summary {
  /** What lines up with earlier snapshots of the same thing: keyed hash of the source's name. */
  readonly sourceId: Bytes
  readonly roots: readonly Bytes[]
  /** Counts this source's snapshots from 1. */
  readonly sequence: number
  /** SHA-256 name of the source's snapshot before this one. */
  readonly predecessor: Bytes | undefined
  readonly sessionId: Bytes
  readonly startedMs: number
  readonly endedMs: number
  readonly ending: Ending
  readonly files: number
  readonly folders: number
  readonly others: number
  readonly unreadable: number
  /** Length of all files. */
  readonly sizeBytes: number
  /** Plaintext that was not in the repository yet, and what it takes there. */
  readonly addedBytes: number
  readonly addedStoredBytes: number
  readonly program: string
  readonly detailsHash: Bytes
  /** SHA-256 name of a snapshot of the same roots that this one stands for, with other tags. */
  readonly replaces: Bytes | undefined
  /** SHA-256 name of the snapshot in another repository that this one is a copy of. */
  readonly copyOf: Bytes | undefined
}

export const summaryCodec: Codec<Summary> = record<Summary>({
  sourceId: required(1, fixedBytes(SOURCE_ID_BYTES)),
  roots: required(2, array(fixedBytes(BLOB_ID_BYTES), 1024)),
  sequence: required(3, uint()),
  predecessor: optional(4, fixedBytes(32)),
  sessionId: required(5, fixedBytes(SESSION_ID_BYTES)),
  startedMs: required(6, time),
  endedMs: required(7, time),
  ending: required(8, choice({ complete: 1, incomplete: 2, checkpoint: 3 })),
  files: required(9, uint()),
  folders: required(10, uint()),
  others: required(11, uint()),
  unreadable: required(12, uint()),
  sizeBytes: required(13, uint()),
  addedBytes: required(14, uint()),
  addedStoredBytes: required(15, uint()),
  program: required(16, text(TEXT_BYTES_MAX)),
  detailsHash: required(17, fixedBytes(32)),
  replaces: optional(18, fixedBytes(32)),
  copyOf: optional(19, fixedBytes(32)),
})

export interface Problem {
  readonly path: Bytes
  readonly what: string
}

/** Of what a copy is a copy, so that who made that stays provable: see repository/original.ts. */
export interface Original {
  readonly repositoryId: Bytes
  /** The key that certificates in that repository are signed with. */
  readonly ownerVerifyKey: Bytes
  /** Of the snapshot there: its signature covers it. */
  readonly prefix: Bytes
  /** What was in the seal of its summary: certificate, signature, and the summary that was signed. */
  readonly envelope: Bytes
  /** All of it as it is stored there; left out where the details would be too long with it. */
  readonly object: Bytes | undefined
}

const originalCodec: Codec<Original> = record<Original>({
  repositoryId: required(1, fixedBytes(REPOSITORY_ID_BYTES)),
  ownerVerifyKey: required(2, fixedBytes(VERIFY_KEY_BYTES)),
  prefix: required(3, fixedBytes(PREFIX_BYTES)),
  envelope: required(4, bytes(SUMMARY_BYTES_MAX)),
  object: optional(5, bytes(SNAPSHOT_BYTES_MAX)),
})

export interface Details {
  readonly source: string
  readonly host: string
  readonly user: string
  readonly paths: readonly Bytes[]
  readonly tags: readonly string[]
  /** The first of what could not be read; Summary.unreadable counts all. */
  readonly problems: readonly Problem[]
  /** What '/' itself was like; undefined where the source is not a file system. */
  readonly root: Entry | undefined
  /** Of a copy from another repository. */
  readonly original: Original | undefined
}

export const detailsCodec: Codec<Details> = record<Details>({
  source: required(1, text(PATH_BYTES_MAX)),
  host: required(2, text(TEXT_BYTES_MAX)),
  user: required(3, text(OWNER_NAME_BYTES_MAX)),
  paths: required(4, array(bytes(PATH_BYTES_MAX), PATHS_MAX)),
  tags: required(5, array(text(TEXT_BYTES_MAX), TAGS_MAX)),
  problems: required(
    6,
    array(
      record<Problem>({
        path: required(1, bytes(PATH_BYTES_MAX)),
        what: required(2, text(TEXT_BYTES_MAX)),
      }),
      PROBLEMS_MAX,
    ),
  ),
  root: optional(7, entryCodec),
  original: optional(8, originalCodec),
})

/** The parts of a snapshot object, still sealed. */
export interface SealedSnapshot {
  readonly prefix: Bytes
  readonly summary: Bytes
  readonly encapsulation: Bytes
  readonly details: Bytes
}

export function encodeSnapshot(snapshot: SealedSnapshot): readonly Bytes[] {
  const length = new Uint8Array(4)
  viewOf(length).setUint32(0, snapshot.summary.length, true)
  return [snapshot.prefix, length, snapshot.summary, snapshot.encapsulation, snapshot.details]
}

export function decodeSnapshot(object: Bytes): SealedSnapshot {
  const start = PREFIX_BYTES + 4
  if (object.length < start) throw malformed('a snapshot is cut off', object.length)
  const summaryBytes = viewOf(object).getUint32(PREFIX_BYTES, true)
  const summaryEnd = start + summaryBytes
  const detailsStart = summaryEnd + ENCAPSULATION_BYTES
  if (summaryBytes > SUMMARY_BYTES_MAX || detailsStart > object.length) {
    throw malformed('a snapshot is cut off', PREFIX_BYTES)
  }
  return {
    prefix: object.subarray(0, PREFIX_BYTES),
    summary: object.subarray(start, summaryEnd),
    encapsulation: object.subarray(summaryEnd, detailsStart),
    details: object.subarray(detailsStart),
  }
}
