// Which entries of a snapshot are names of one file (docs/format.md, section 11): those with the same link
// that look alike. A file may have changed between the readings of two names, and a tree may be wrong:
// what is not alike is brought back as two files, so that neither is lost.

import { toHex } from '../base/bytes.ts'
import type { Entry } from '../format/tree.ts'

/** The same for entries that are one file; undefined for what has no other name. */
export function fileKeyOf(entry: Entry): string | undefined {
  const { link } = entry
  return link && [link.device, link.inode, likenessOf(entry)].join(':')
}

/** What all names of a file have in common, but for its attributes. */
export function likenessOf({ type, size, crc32, target, device }: Entry): string {
  return [type, size, crc32, target && toHex(target), device?.major, device?.minor].join(':')
}
