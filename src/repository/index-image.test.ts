import fc from 'fast-check'
import { expect, test } from 'vitest'
import { blobId } from '../format/ids.ts'
import { type Frame, frameColumnsOf } from '../format/pack.ts'
import { IndexImage } from './index-image.ts'
import { buildImage, type ImagePack } from './index-image-build.ts'

/** The frames of one pack: for each its blobs, as the numbers that ids are made of. */
type PackShape = readonly (readonly number[])[]

function idOf(number: number, spread: boolean): Uint8Array {
  const id = new Uint8Array(32)
  new DataView(id.buffer).setUint32(spread ? 0 : 28, spread ? number * 0x9e3779b9 : number)
  new DataView(id.buffer).setUint32(12, number)
  return id
}

/** One segment that names all the packs, as the loader hands it over. */
function packsOf(shapes: readonly PackShape[], spread: boolean): readonly ImagePack[] {
  const frames: Frame[] = shapes.flat().map((blobs, i) => ({
    session: i % 3,
    offset: 32 + i,
    storedBytes: 100 + i,
    rawBytes: 200 + i,
    blobCount: blobs.length,
  }))
  const numbers = shapes.flat(2)
  const ids = new Uint8Array(32 * numbers.length)
  numbers.forEach((number, i) => {
    ids.set(idOf(number, spread), 32 * i)
  })
  const segment = { frames: frameColumnsOf(frames), ids }
  let [firstFrame, firstBlob] = [0, 0]
  return shapes.map((shape) => {
    const blobCount = shape.flat().length
    const pack = {
      segment,
      firstFrame,
      frameCount: shape.length,
      firstBlob,
      blobCount,
      sessionBase: 5,
    }
    firstFrame += shape.length
    firstBlob += blobCount
    return pack
  })
}

const shapes = fc.array(fc.array(fc.array(fc.nat(400), { maxLength: 9 }), { maxLength: 5 }), {
  maxLength: 6,
})

test('finds every blob where it first is, and nothing else', () => {
  fc.assert(
    fc.property(shapes, fc.boolean(), (packs, spread) => {
      const image = buildImage(packsOf(packs, spread))
      const where = new Map<number, { pack: number; frame: number; position: number }>()
      let frame = 0
      packs.forEach((frames, pack) => {
        for (const blobs of frames) {
          blobs.forEach((number, position) => {
            if (!where.has(number)) where.set(number, { pack, frame, position })
          })
          frame++
        }
      })
      for (let number = 0; number <= 401; number++) {
        const id = blobId(idOf(number, spread))
        expect(image.locate(id)).toEqual(where.get(number))
        expect(image.has(id)).toBe(where.has(number))
      }
      expect(image.frames).toBe(frame)
      expect(image.blobs).toBe(packs.flat(2).length)
    }),
    { numRuns: 60 },
  )
})

test('frames are what the segment says, sessions counted through', () => {
  const image = buildImage(packsOf([[[1, 2], [3]], [[4]]], true))
  expect(image.frame(1)).toEqual({
    pack: 0,
    session: 6,
    offset: 33,
    storedBytes: 101,
    rawBytes: 201,
    blobCount: 1,
  })
  expect(image.frame(2)).toMatchObject({ pack: 1, session: 7, blobCount: 1 })
  expect(() => image.frame(3)).toThrow(/Bug in Cairn/)
})

test('another thread that is handed the same memory finds the same', () => {
  const image = buildImage(packsOf([[[1, 2, 3]], [[4, 5]]], true))
  const other = new IndexImage(structuredClone(image.handle))
  for (let number = 0; number < 7; number++) {
    const id = blobId(idOf(number, true))
    expect(other.locate(id)).toEqual(image.locate(id))
  }
})

test('all ids come with their numbers, and the frames that these are in', () => {
  const numbers = Array.from({ length: 1000 }, (_, i) => i)
  const shape = [numbers.slice(0, 300), [], numbers.slice(300)]
  const image = buildImage(packsOf([shape], true))
  const seen = [...image.numberedIds()].map(({ number, id }) => {
    expect(image.blobNumber(blobId(id))).toBe(number)
    expect(image.frameOf(number)).toBe(number < 300 ? 0 : 2)
    return number
  })
  expect(seen.sort((a, b) => a - b)).toEqual(numbers)
})

test('an empty image has nothing', () => {
  const image = buildImage([])
  expect(image.locate(blobId(new Uint8Array(32)))).toBeUndefined()
  expect(image.blobNumber(blobId(new Uint8Array(32)))).toBe(-1)
  expect([...image.ids()]).toEqual([])
})
