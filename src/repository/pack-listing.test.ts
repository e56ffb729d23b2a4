import { expect, test } from 'vitest'
import { sha256 } from '../base/hash.ts'
import { contentName } from '../store/names.ts'
import { DigestTable } from './digest-table.ts'
import { PackListing } from './pack-listing.ts'

const digestOf = (number: number) => sha256(Uint8Array.of(number >> 16, number >> 8, number))
const nameOf = (number: number) => contentName('packs', digestOf(number))

test('a listing says of each pack how long it is, and of others that they are not there', () => {
  const listing = new PackListing()
  for (let number = 0; number < 10_000; number++) listing.add(nameOf(number), number)
  expect(listing.size).toBe(10_000)
  for (let number = 0; number < 10_000; number++) {
    expect(listing.get(nameOf(number))).toBe(number)
    expect(listing.lengthOf(digestOf(number))).toBe(number)
  }
  expect(listing.get(nameOf(10_000))).toBeUndefined()
  expect(listing.has(nameOf(10_000))).toBe(false)
  const [first, last] = [[...listing][0], [...listing].at(-1)]
  expect([first, last]).toEqual([
    [nameOf(0), 0],
    [nameOf(9_999), 9_999],
  ])
})

test('of a name that comes twice the last length counts, also one that fits in no 32 bits', () => {
  const listing = new PackListing()
  listing.add(nameOf(1), 5)
  listing.add(nameOf(1), 2 ** 40 + 1)
  expect([...listing]).toEqual([[nameOf(1), 2 ** 40 + 1]])
})

test('what is named elsewhere is left out', () => {
  const listing = new PackListing()
  for (let number = 0; number < 3; number++) listing.add(nameOf(number), number)
  const named = new DigestTable()
  named.put(digestOf(1))
  expect([...listing.except(named)].map(([name]) => name)).toEqual([nameOf(0), nameOf(2)])
})

test.each([
  'packs/00',
  nameOf(1).replace('packs', 'index'),
  nameOf(1).toUpperCase(),
  `${nameOf(1).slice(0, -1)}g`,
  `${nameOf(1)}0`,
])('nothing but the name of a pack is taken: %s', (name) => {
  expect(() => new PackListing().add(name, 1)).toThrow('is not the name of a pack')
})

test('digests that are alike but for one bit are told apart, at any place', () => {
  const table = new DigestTable()
  const digest = new Uint8Array(32)
  expect(table.find(digest)).toBe(-1)
  for (let bit = 0; bit < 256; bit++) {
    const other = digest.slice()
    other[bit >> 3] = 1 << (bit & 7)
    expect(table.put(other)).toBe(bit)
    expect(table.put(other)).toBe(bit)
    const among = new Uint8Array(100)
    among.set(other, 50)
    expect(table.find(among, 50)).toBe(bit)
    expect(table.at(bit)).toEqual(other)
  }
  expect(table.find(digest)).toBe(-1)
  expect(table.size).toBe(256)
})
