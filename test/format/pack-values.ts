// Arbitrary headers of packs and index segments, for tests of the format.

import fc from 'fast-check'
import type { Bytes } from '../../src/base/bytes.ts'
import { BLOB_ID_BYTES } from '../../src/format/ids.ts'
import type { IndexSegment } from '../../src/format/index-segment.ts'
import {
  ENCAPSULATION_BYTES,
  type Frame,
  type PackHeader,
  type Session,
} from '../../src/format/pack.ts'
import type { PackKind } from '../../src/format/prefix.ts'
import { bytesOf, hash, u32 } from './values.ts'

const sessions: fc.Arbitrary<readonly Session[]> = fc.array(
  fc.record({ epoch: u32, encapsulation: bytesOf(ENCAPSULATION_BYTES) }),
  { minLength: 1, maxLength: 2 },
)

const frames = (sessionCount: number): fc.Arbitrary<readonly Frame[]> =>
  fc.array(
    fc.record({
      session: fc.nat(sessionCount - 1),
      offset: fc.integer({ min: 32, max: 1 << 26 }),
      storedBytes: fc.nat(1 << 26),
      rawBytes: fc.nat(1 << 24),
      blobCount: fc.nat(3),
    }),
    { maxLength: 4 },
  )

interface Columns {
  readonly sessions: readonly Session[]
  readonly frames: readonly Frame[]
  readonly ids: Bytes
}

const columns: fc.Arbitrary<Columns> = sessions.chain((some) =>
  frames(some.length).chain((all) => {
    const blobs = all.reduce((sum, frame) => sum + frame.blobCount, 0)
    return bytesOf(BLOB_ID_BYTES * blobs).map((ids) => ({ sessions: some, frames: all, ids }))
  }),
)

export function packHeader(kind: PackKind): fc.Arbitrary<PackHeader> {
  if (kind === 'data-pack') {
    return columns.map((all) => ({
      ...all,
      refCounts: new Uint32Array(0),
      refs: new Uint8Array(0),
    }))
  }
  return columns.chain((all) => {
    const blobs = all.ids.length / BLOB_ID_BYTES
    return fc.array(fc.nat(3), { minLength: blobs, maxLength: blobs }).chain((counts) => {
      const refs = counts.reduce((sum, one) => sum + one, 0)
      return bytesOf(BLOB_ID_BYTES * refs).map((ids) => ({
        ...all,
        refCounts: Uint32Array.from(counts),
        refs: ids,
      }))
    })
  })
}

export const indexSegment: fc.Arbitrary<IndexSegment> = fc
  .tuple(columns, fc.array(hash, { maxLength: 2 }), fc.array(hash, { minLength: 1, maxLength: 3 }))
  .map(([all, supersedes, hashes]) => ({
    ...all,
    supersedes,
    // The last pack has all the frames.
    packs: hashes.map((one, i) => ({
      hash: one,
      kind: i % 2 === 0 ? ('data-pack' as const) : ('tree-pack' as const),
      packBytes: 1 << 20,
      headerBytes: 100 + i,
      frameCount: i === hashes.length - 1 ? all.frames.length : 0,
    })),
  }))
