// Entries of trees, as no walk gives them: with whatever a test wants to have in them.

import { utf8 } from '../../src/base/bytes.ts'
import type { Entry } from '../../src/format/tree.ts'

/** An entry that has nothing that it need not have, apart from what is said here. */
export function entryOf(name: string, changes: Partial<Entry> & Pick<Entry, 'type'>): Entry {
  return { ...PLAIN, name: utf8(name), ...changes }
}

const PLAIN: Omit<Entry, 'name' | 'type'> = {
  mode: 0o644,
  uid: 0,
  gid: 0,
  user: undefined,
  group: undefined,
  mtimeSeconds: 1_700_000_000,
  mtimeNanos: 0,
  size: undefined,
  link: undefined,
  target: undefined,
  device: undefined,
  xattrs: undefined,
  pieces: undefined,
  pieceList: undefined,
  extents: undefined,
  extentList: undefined,
  crc32: undefined,
  tree: undefined,
  changed: undefined,
}
