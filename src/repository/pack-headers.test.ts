import fc from 'fast-check'
import { expect, test } from 'vitest'
import { indexSegment, packHeader } from '../../test/format/pack-values.ts'
import { equalBytes } from '../base/bytes.ts'
import { decodeIndexSegment, encodeIndexSegment } from '../format/index-segment.ts'
import type { PackHeader, Session } from '../format/pack.ts'
import {
  columnsDigest,
  type DescribedPack,
  HeaderLengths,
  packsOfSegment,
  segmentOf,
} from './pack-headers.ts'

const RUNS = { numRuns: 60 }

/** Packs whose sessions may be the same. */
const packs = fc.array(packHeader('tree-pack'), { maxLength: 4 }).map((headers) => {
  const shared = headers[0]?.sessions ?? []
  return headers.map((header, i) =>
    describe(i % 2 === 0 ? header : withSessions(header, shared), i),
  )
})

function withSessions(header: PackHeader, sessions: readonly Session[]): PackHeader {
  const frames = header.frames.map((frame) => ({
    ...frame,
    session: Math.min(frame.session, sessions.length - 1),
  }))
  return { ...header, sessions, frames }
}

function describe(columns: PackHeader, number: number): DescribedPack {
  const hash = new Uint8Array(32).fill(number)
  const frameCount = columns.frames.length
  return {
    indexed: { hash, kind: 'tree-pack', packBytes: 1000, headerBytes: 10, frameCount },
    columns,
  }
}

const keyOf = ({ epoch, encapsulation }: Session) =>
  `${epoch} ${Buffer.from(encapsulation).toString('hex')}`

test('a segment says of each pack what its header does', () => {
  fc.assert(
    fc.property(packs, (described) => {
      const found = [...packsOfSegment(segmentOf(described))]
      expect(found.map(({ indexed }) => indexed)).toEqual(described.map(({ indexed }) => indexed))
      described.forEach(({ indexed, columns }, i) => {
        const own = found[i] as DescribedPack
        const digests = [columnsDigest(indexed, columns), columnsDigest(own.indexed, own.columns)]
        expect(equalBytes(...(digests as [Uint8Array, Uint8Array]))).toBe(true)
      })
    }),
    RUNS,
  )
})

test('a session is in it once, and only where a frame needs it', () => {
  fc.assert(
    fc.property(packs, (described) => {
      const { sessions, frames } = segmentOf(described)
      const keys = sessions.map(keyOf)
      expect(new Set(keys).size).toBe(keys.length)
      const needed = described.flatMap(({ columns }) =>
        columns.frames.map(({ session }) => keyOf(columns.sessions[session] as Session)),
      )
      expect(frames.map(({ session }) => keys[session])).toEqual(needed)
      expect(new Set(keys)).toEqual(new Set(needed))
    }),
    RUNS,
  )
})

test('what it supersedes is in it, and it can be stored', () => {
  fc.assert(
    fc.property(packs, indexSegment, (described, { supersedes }) => {
      const segment = segmentOf(described, supersedes)
      expect(decodeIndexSegment(encodeIndexSegment(segment))).toEqual(segment)
    }),
    RUNS,
  )
})

test('of a pack about as much is asked for as the headers before were long, and slowly less', () => {
  const lengths = new HeaderLengths()
  const first = lengths.expected('data-pack')
  for (let i = 0; i < 100; i++) lengths.note({ kind: 'data-pack', headerBytes: 4000 })
  expect(lengths.expected('data-pack')).toBe(5005)
  expect(lengths.expected('tree-pack')).toBe(first)
  lengths.note({ kind: 'data-pack', headerBytes: 100_000 })
  expect(lengths.expected('data-pack')).toBe(125_005)
  lengths.note({ kind: 'data-pack', headerBytes: 4000 })
  expect(lengths.expected('data-pack')).toBeGreaterThan(100_000)
})
