import fc from 'fast-check'
import { expect, test } from 'vitest'
import { concat, toHex } from '../base/bytes.ts'
import { sha256 } from '../base/hash.ts'
import { decodePackTrailer, ENCAPSULATION_BYTES } from '../format/pack.ts'
import { decodePrefix, type PackKind } from '../format/prefix.ts'
import { padmeBytes } from '../sealer/padme.ts'
import { Seal } from '../sealer/seal.ts'
import { openPackHeader, PackWriter, packMemoryBytes, type SealedFrame } from './pack-writer.ts'

const session = { epoch: 2, encapsulation: new Uint8Array(ENCAPSULATION_BYTES).fill(1) }
const place = {
  repositoryId: new Uint8Array(32).fill(2),
  domain: new Uint8Array(16).fill(3),
  epoch: 4,
  headerSeal: new Seal(new Uint8Array(32).fill(5)),
}
const memory = new Uint8Array(4096)

const blobs = fc.array(fc.array(fc.nat(255), { maxLength: 4 }), { minLength: 1, maxLength: 5 })
const frame = fc.record({ sealed: fc.uint8Array({ minLength: 1, maxLength: 90 }), blobs })

function frameOf(
  { sealed, blobs: refs }: { sealed: Uint8Array; blobs: number[][] },
  kind: PackKind,
): SealedFrame {
  const ids = concat(refs.map((_, i) => new Uint8Array(32).fill(i)))
  const plain = { sealed, rawBytes: 3 * sealed.length, ids }
  if (kind === 'data-pack') return plain
  const refIds = concat(refs.flat().map((ref) => new Uint8Array(32).fill(ref)))
  return { ...plain, refCounts: refs.map((some) => some.length), refs: refIds }
}

test('a header that is opened says where every frame is, and what is in it', () => {
  const kinds = fc.constantFrom<PackKind>('data-pack', 'tree-pack')
  fc.assert(
    fc.property(kinds, fc.array(frame, { maxLength: 6 }), fc.boolean(), (kind, shapes, padded) => {
      const writer = new PackWriter(session, { ...place, kind, memory })
      const frames = shapes.map((shape) => frameOf(shape, kind))
      for (const one of frames) writer.add(one)
      const { parts, indexed, header } = writer.finish(
        padded ? (n) => new Uint8Array(n) : undefined,
      )
      const pack = concat(parts)
      expect(indexed).toMatchObject({ kind, packBytes: pack.length, frameCount: frames.length })
      expect(toHex(indexed.hash)).toBe(toHex(sha256(pack)))
      expect(decodePrefix(pack)).toEqual({ kind, domain: place.domain, epoch: 4 })
      if (padded) expect(padmeBytes(pack.length)).toBe(pack.length)
      const headerBytes = decodePackTrailer(pack, pack.length)
      expect(headerBytes).toBe(indexed.headerBytes)
      const sealedHeader = pack.subarray(pack.length - 4 - headerBytes, pack.length - 4)
      const opened = openPackHeader(sealedHeader, { ...place, kind, packBytes: pack.length })
      expect(opened).toEqual(header)
      expect(opened.frames.map(({ rawBytes }) => rawBytes)).toEqual(frames.map((f) => f.rawBytes))
      opened.frames.forEach(({ offset, storedBytes }, i) => {
        expect(toHex(pack.subarray(offset, offset + storedBytes))).toBe(
          toHex((frames[i] as SealedFrame).sealed),
        )
      })
      if (kind === 'tree-pack')
        expect([...opened.refCounts]).toEqual(frames.flatMap((f) => f.refCounts))
    }),
  )
})

test('a header opens for its kind, domain, epoch and repository only', () => {
  const writer = new PackWriter(session, { ...place, kind: 'data-pack', memory })
  writer.add(frameOf({ sealed: new Uint8Array(10), blobs: [[]] }, 'data-pack'))
  const pack = concat(writer.finish().parts)
  const headerBytes = decodePackTrailer(pack, pack.length)
  const sealedHeader = pack.subarray(pack.length - 4 - headerBytes, pack.length - 4)
  const right = { ...place, kind: 'data-pack' as const, packBytes: pack.length }
  expect(openPackHeader(sealedHeader, right).frames).toHaveLength(1)
  const wrong = [
    { kind: 'tree-pack' as const },
    { domain: new Uint8Array(16) },
    { epoch: 5 },
    { repositoryId: new Uint8Array(32) },
    { headerSeal: new Seal(new Uint8Array(32)) },
  ]
  for (const change of wrong) {
    expect(() => openPackHeader(sealedHeader, { ...right, ...change })).toThrow(/Cannot open/)
  }
  // A pack that is said to be shorter than its frames.
  expect(() => openPackHeader(sealedHeader, { ...right, packBytes: pack.length - 1 })).toThrow(
    /outside its pack/,
  )
})

test('frames fit into the memory of a pack to its last byte', () => {
  const writer = new PackWriter(session, { ...place, kind: 'data-pack', memory })
  const of = (length: number) => ({
    sealed: new Uint8Array(length),
    rawBytes: 1,
    ids: new Uint8Array(32),
  })
  expect(packMemoryBytes(memory.length - 32)).toBe(memory.length)
  expect(writer.fits(of(memory.length - 32))).toBe(true)
  expect(writer.fits(of(memory.length - 31))).toBe(false)
  writer.add(of(memory.length - 42))
  expect(writer.fits(of(10))).toBe(true)
  expect(writer.fits(of(11))).toBe(false)
  writer.add(of(10))
  expect(writer.fits(of(1))).toBe(false)
})

test('nothing more fits into a pack whose header has very many ids', () => {
  const writer = new PackWriter(session, { ...place, kind: 'tree-pack', memory })
  const refs = new Uint8Array(32 * 65_536)
  const many = {
    sealed: new Uint8Array(1),
    rawBytes: 1,
    ids: new Uint8Array(32),
    refCounts: [65_536],
    refs,
  }
  writer.add(many)
  expect(writer.fits(many)).toBe(true)
  writer.add(many)
  expect(writer.fits(many)).toBe(false)
})

test('memory that had another pack before does not show', () => {
  const frameOf10 = { sealed: new Uint8Array(10), rawBytes: 1, ids: new Uint8Array(32) }
  const packOf = (own: Uint8Array) => {
    const writer = new PackWriter(session, { ...place, kind: 'data-pack', memory: own })
    writer.add(frameOf10)
    return toHex(concat(writer.finish().parts))
  }
  expect(packOf(new Uint8Array(100).fill(7))).toBe(packOf(new Uint8Array(100)))
})
