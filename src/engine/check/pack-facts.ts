// What a pack says that the rest of a check needs, whoever read it: the main thread its header, or a
// worker all of it.

import { concat } from '../../base/bytes.ts'
import type { PackHeader } from '../../format/pack.ts'
import type { PackKind } from '../../format/prefix.ts'
import { columnsDigest, type ReadHeader } from '../../repository/pack-headers.ts'
import type { NodeFacts } from './node-facts.ts'
import type { CheckProblem } from './problems.ts'

export interface PackFacts {
  readonly name: string
  /** The pack's domain in hexadecimal; undefined where its prefix cannot be read. */
  readonly domain: string | undefined
  readonly problems: readonly CheckProblem[]
  /** Undefined where the header could not be opened, or is not ours to open. */
  readonly header: HeaderFacts | undefined
  /** What was opened and verified; 0 where only the header was read. */
  readonly frames: number
  readonly blobs: number
  readonly rawBytes: number
  /** What its nodes say; undefined where they were not read, and of data. */
  readonly nodes?: NodeFacts | undefined
  /** Ids of the blobs that cannot be read from this pack, one after the other. */
  readonly lostIds: Uint8Array<ArrayBuffer>
}

export interface HeaderFacts {
  readonly kind: PackKind
  /** See columnsDigest. */
  readonly digest: Uint8Array
  readonly blobs: number
  /** Length of all frames. */
  readonly frameBytes: number
  /** Of tree packs: the ids, how many refs each has, and these. Empty for data packs. */
  readonly treeIds: Uint8Array
  readonly refCounts: Uint32Array
  readonly refs: Uint8Array
}

/** The facts in a header. Copies, so that they can go to another thread. */
export function headerFacts({ indexed, header }: Omit<ReadHeader, 'domain'>): HeaderFacts {
  return {
    kind: indexed.kind,
    digest: columnsDigest(indexed, header),
    blobs: header.frames.reduce((sum, frame) => sum + frame.blobCount, 0),
    frameBytes: header.frames.reduce((sum, frame) => sum + frame.storedBytes, 0),
    ...treeFacts(indexed.kind, header),
  }
}

function treeFacts(
  kind: PackKind,
  { ids, refCounts, refs }: PackHeader,
): Pick<HeaderFacts, 'treeIds' | 'refCounts' | 'refs'> {
  if (kind === 'data-pack') {
    return { treeIds: new Uint8Array(0), refCounts: new Uint32Array(0), refs: new Uint8Array(0) }
  }
  return { treeIds: concat([ids]), refCounts: refCounts.slice(), refs: concat([refs]) }
}

/** The facts of a pack of which only the header was read. */
export function factsOfHeader({ name }: { readonly name: string }, read: ReadHeader): PackFacts {
  return { ...nothingRead(name), domain: read.domain.hex, header: headerFacts(read) }
}

/** The facts of a pack of which nothing is known yet. */
export function nothingRead(name: string): PackFacts {
  return {
    name,
    domain: undefined,
    problems: [],
    header: undefined,
    frames: 0,
    blobs: 0,
    rawBytes: 0,
    lostIds: new Uint8Array(0),
  }
}
