import { expect, test } from 'vitest'
import { entryOf } from '../../../test/repositories/entries.ts'
import { utf8 } from '../../base/bytes.ts'
import { BLOB_ID_BYTES, blobId } from '../../format/ids.ts'
import type { Entry } from '../../format/tree.ts'
import { type Whole, Wholes } from './wholes.ts'

function fileOf(number: number, changes: Partial<Entry> = {}): Entry {
  return entryOf(`file-${number}`, {
    type: 'file',
    mode: 0o600 + number,
    uid: 1000 + number,
    gid: 2000 + number,
    user: utf8(`user-${number}`),
    mtimeSeconds: 1e9 + number,
    mtimeNanos: number,
    size: 1,
    crc32: 0xffffff00 + number,
    ...changes,
  })
}

const idOf = (number: number) => blobId(new Uint8Array(BLOB_ID_BYTES).fill(number))
const [here, there] = [[utf8('here')], [utf8('there'), utf8('below')]]

function wholeOf(number: number, changes: Partial<Whole> = {}): Whole {
  const entry = fileOf(number)
  return {
    id: idOf(number),
    position: 7 * number,
    entry,
    folder: here,
    replaces: false,
    ...changes,
  }
}

test('what a worker is sent is of the files that it was asked for, in that order', () => {
  const wholes = new Wholes({ capacity: 4, owners: 'names' })
  const xattrs = [{ name: utf8('user.a'), value: utf8('b') }]
  const beforeYearZero = -(2n ** 62n)
  wholes.add(wholeOf(0))
  wholes.add(wholeOf(1, { entry: fileOf(1, { xattrs }) }))
  wholes.add(wholeOf(2, { folder: there, replaces: true }))
  wholes.add(wholeOf(3, { folder: there, entry: fileOf(3, { mtimeSeconds: beforeYearZero }) }))
  const folders = [[utf8('of another frame')]]
  expect(wholes.wire([3, 1, 2], folders)).toEqual({
    positions: Uint32Array.of(21, 7, 14),
    ids: new Uint8Array([...idOf(3), ...idOf(1), ...idOf(2)]),
    crcs: Uint32Array.of(0xffffff03, 0xffffff01, 0xffffff02),
    folderNumbers: Uint32Array.of(1, 2, 1),
    names: utf8('file-3file-1file-2'),
    nameLengths: Uint16Array.of(6, 6, 6),
    replaces: Uint8Array.of(0, 0, 1),
    modes: Uint16Array.of(0o603, 0o601, 0o602),
    uids: Uint32Array.of(1003, 1001, 1002),
    gids: Uint32Array.of(2003, 2001, 2002),
    mtimeSeconds: BigInt64Array.of(beforeYearZero, 1_000_000_001n, 1_000_000_002n),
    mtimeNanos: Uint32Array.of(3, 1, 2),
    xattrs: new Map([[1, xattrs]]),
    ownerNames: [3, 1, 2].map((i) => ({ userName: `user-${i}`, groupName: undefined })),
  })
  expect(folders.slice(1)).toEqual([there, here])
  expect(wholes.pathOf(2)).toEqual([...there, utf8('file-2')])
})

test('names of owners are sent only where owners go by name', () => {
  const wholes = new Wholes({ capacity: 1, owners: 'numbers' })
  wholes.add(wholeOf(0))
  expect(wholes.wire([0], []).ownerNames).toEqual([])
})

test('names may be as long as names can be', () => {
  const wholes = new Wholes({ capacity: 100, owners: 'keep' })
  const names = Array.from({ length: 100 }, (_, i) => new Uint8Array(255).fill(65 + (i % 26)))
  names.forEach((name, i) => wholes.add(wholeOf(i, { entry: fileOf(i, { name }) })))
  expect(wholes.count).toBe(100)
  names.forEach((name, i) => {
    expect(wholes.pathOf(i).at(-1)).toEqual(name)
  })
})
