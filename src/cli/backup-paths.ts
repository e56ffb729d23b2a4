// What is to be backed up: the paths of the command line and of lists, as absolute bytes.

import { lstatSync, readFileSync } from 'node:fs'
import { type Bytes, concat, plain } from '../base/bytes.ts'
import { CairnError, messageOf } from '../base/errors.ts'
import type { Output } from './output.ts'
import { printable } from './printable.ts'
import { absolutePath, bytesOfArgument, recordedPath, splitAtZeros } from './raw-arguments.ts'

export interface PathFlags {
  readonly paths: readonly string[]
  readonly filesFrom?: string
  readonly filesFrom0?: string
}

/** Throws 'usage' where there are none. */
export function backupPaths({ paths, filesFrom, filesFrom0 }: PathFlags): readonly Bytes[] {
  const named = [
    ...paths.map(bytesOfArgument),
    ...(filesFrom === undefined ? [] : splitLines(readList(filesFrom))),
    ...(filesFrom0 === undefined ? [] : splitAtZeros(readList(filesFrom0))),
  ].filter((path) => path.length > 0)
  if (named.length > 0) return named.map(tidiedPath)
  const isList = filesFrom !== undefined || filesFrom0 !== undefined
  throw new CairnError('usage', isList ? 'The list has no paths' : 'What should be backed up?', {
    hint: 'Name files and folders: `cairn backup /home /etc`.',
  })
}

function readList(path: string): Bytes {
  try {
    return plain(readFileSync(path === '-' ? 0 : Buffer.from(bytesOfArgument(path))))
  } catch (error) {
    throw new CairnError('usage', `Cannot read the list ${path}: ${messageOf(error)}`)
  }
}

const LINE_FEED = 0x0a

function splitLines(list: Bytes): readonly Bytes[] {
  const lines: Bytes[] = []
  for (let start = 0; start < list.length; ) {
    const at = list.indexOf(LINE_FEED, start)
    const end = at === -1 ? list.length : at
    lines.push(list.slice(start, end))
    start = end + 1
  }
  return lines
}

/** A link that was named is saved as a link: who meant what it leads to should know. */
export function noteLinks(paths: readonly Bytes[], output: Output): void {
  for (const path of paths) {
    if (path[path.length - 1] === SLASH || !isLink(path)) continue
    const text = printable(path)
    output.note(`${text} is a symbolic link and saved as one; ${text}/ is what it leads to.`)
  }
}

const SLASH = 0x2f

function isLink(path: Bytes): boolean {
  try {
    return lstatSync(Buffer.from(path)).isSymbolicLink()
  } catch {
    return false // The walk says what is wrong with it.
  }
}

/** Throws 'source-unreadable' where there is none of the paths: a first backup then makes no repository. */
export function expectOneThere(paths: readonly Bytes[]): void {
  const [first] = paths
  if (first === undefined || paths.some(isThere)) return
  const others = paths.length === 1 ? '' : `, nor any other of the ${paths.length} paths`
  throw new CairnError(
    'source-unreadable',
    `Nothing was backed up: there is no ${printable(first)}${others}`,
    { hint: 'Check the paths that you gave. No repository was made.' },
  )
}

/** What may not be looked at may be there: the walk says what is wrong with it. */
function isThere(path: Bytes): boolean {
  try {
    lstatSync(Buffer.from(path))
    return true
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    return code !== 'ENOENT' && code !== 'ENOTDIR'
  }
}

/** As it is recorded: absolute, and with a '/' at its end only where that leads through a link. */
function tidiedPath(path: Bytes): Bytes {
  const tidy = recordedPath(absolutePath(path))
  if (path[path.length - 1] !== SLASH || !isLink(tidy)) return tidy
  return concat([tidy, Uint8Array.of(SLASH)])
}
