// The name under which snapshots of the same thing line up, where the user gives none: made from the
// host and what is backed up, so that the same command on the same machine gives the same name.

import { type Bytes, compareBytes, toHex, utf8 } from '../base/bytes.ts'
import { sha256 } from '../base/hash.ts'
import { printable } from './printable.ts'
import { recordedPath } from './raw-arguments.ts'

/** Longer lists of paths are shortened, and told apart by a hash. */
const NAME_CHARACTERS_MAX = 1024

/** `web1:/etc,/home`: the order in which the paths were given does not matter. */
export function sourceOfPaths(host: string, paths: readonly Bytes[]): string {
  const recorded = paths.map(recordedPath).sort(compareBytes)
  const text = [...new Set(recorded.map(printable))].join(',')
  if (text.length <= NAME_CHARACTERS_MAX) return `${host}:${text}`
  const hash = toHex(sha256(utf8(text))).slice(0, 16)
  return `${host}:${text.slice(0, NAME_CHARACTERS_MAX)}...${hash}`
}

/** Lists change from run to run: it is the list that lines up. */
export function sourceOfList(host: string, list: string): string {
  return `${host}:list ${list}`
}

export function sourceOfStdin(host: string, filename: string): string {
  return `${host}:stdin ${filename}`
}
