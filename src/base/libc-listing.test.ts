import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { compareBytes, utf8 } from './bytes.ts'
import { DirentType } from './libc-constants.ts'
import { DirectoryListing } from './libc-listing.ts'
import { NAME_AT, sortEntries } from './libc-listing-sort.ts'

const folder = mkdtempSync(join(tmpdir(), 'cairn-listing-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function listed(listing: DirectoryListing, path: string): Buffer[] {
  const fd = openSync(path, 'r')
  try {
    expect(listing.read(fd)).toBe(0)
  } finally {
    closeSync(fd)
  }
  return Array.from({ length: listing.count }, (_, i) => Buffer.from(listing.nameAt(i)))
}

test('names come as bytes and in their order, with the type of each', () => {
  const at = join(folder, 'names')
  mkdirSync(at)
  const names = ['b', 'a', 'a-b', 'ab', 'B', ' ', '-rf', 'x'.repeat(255), 'a\nb', '...'].map(utf8)
  names.push(Uint8Array.of(0xff), Uint8Array.of(0xc3, 0x28), utf8('é'))
  for (const name of names) writeFileSync(Buffer.concat([utf8(`${at}/`), name]), '')
  mkdirSync(join(at, 'folder'))
  const listing = new DirectoryListing()
  const all = listed(listing, at)
  expect(all).toEqual([...names, utf8('folder')].sort(compareBytes).map((n) => Buffer.from(n)))
  const index = listing.indexOf(utf8('folder'))
  expect(listing.typeAt(index)).toBe(DirentType.directory)
  expect(listing.typeAt(listing.indexOf(utf8('b')))).toBe(DirentType.file)
  expect(listing.indexOf(utf8('absent'))).toBe(-1)
})

test('a folder of many names is whole, and the listing is empty again for the next', () => {
  const at = join(folder, 'many')
  mkdirSync(at)
  const names = Array.from({ length: 5000 }, (_, i) => `file-${(i * 7919) % 5000}`)
  for (const name of names) writeFileSync(join(at, name), '')
  const listing = new DirectoryListing()
  expect(listed(listing, at).map(String)).toEqual(names.sort())
  mkdirSync(join(folder, 'empty'))
  expect(listed(listing, join(folder, 'empty'))).toEqual([])
})

test('reading what is no folder gives the errno', () => {
  writeFileSync(join(folder, 'file'), '')
  const fd = openSync(join(folder, 'file'), 'r')
  expect(new DirectoryListing().read(fd)).toBeLessThan(0)
  closeSync(fd)
})

test('sorting orders any names as memcmp does', () => {
  const byte = fc.oneof(fc.constantFrom(1, 0x61, 0x62, 0xff), fc.integer({ min: 1, max: 255 }))
  const name = fc.uint8Array({ maxLength: 12 }).map((bytes) => bytes.filter((b) => b !== 0))
  const similar = fc.array(byte, { maxLength: 6 }).map((bytes) => Uint8Array.from(bytes))
  fc.assert(
    fc.property(fc.array(fc.oneof(similar, name), { maxLength: 300 }), (names) => {
      const arena = new Uint8Array(names.length * 20 + 4)
      const offsets = Uint32Array.from(names, (bytes, i) => {
        arena.set(bytes, i * 20 + NAME_AT)
        return i * 20
      })
      sortEntries(arena, offsets, names.length)
      const sorted = Array.from(offsets, (offset) => names[offset / 20] as Uint8Array)
      expect(sorted.map(hex)).toEqual([...names].sort(compareBytes).map(hex))
    }),
  )
})

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
