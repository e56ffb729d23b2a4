// Paths and the names that they are made of. Inside, a path is its names from the root down.

import { type Bytes, concat, utf8 } from '../base/bytes.ts'

const SLASH = utf8('/')
const DOT = 0x2e

/** Splits a path as the user gives it; '.' and empty parts count for nothing. */
export function splitPath(path: Bytes): readonly Bytes[] {
  const names: Bytes[] = []
  let start = 0
  for (let at = 0; at <= path.length; at++) {
    if (at < path.length && path[at] !== SLASH[0]) continue
    const name = path.slice(start, at)
    if (name.length > 0 && !(name.length === 1 && name[0] === DOT)) names.push(name)
    start = at + 1
  }
  return names
}

/** `/home/me` of its names; the root is `/`. */
export function joinPath(names: readonly Bytes[]): Bytes {
  return names.length === 0 ? SLASH : concat(names.flatMap((name) => [SLASH, name]))
}

/** `home/me` of its names: a path below some folder, which itself is `/`. */
export function joinPathBelow(names: readonly Bytes[]): Bytes {
  return names.length === 0 ? SLASH : joinPath(names).subarray(SLASH.length)
}
