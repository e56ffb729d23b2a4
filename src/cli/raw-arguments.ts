// Arguments as bytes. File names may be any bytes, and Node decodes argv as UTF-8: what is not valid
// is lost. The kernel still has it, so arguments that lost something are taken from there, in the
// escaped form that file names have in patterns (source/files/name-text.ts), which can be undone.

import { readFileSync, readlinkSync } from 'node:fs'
import { type Bytes, concat, plain, utf8 } from '../base/bytes.ts'
import { nameText } from '../source/files/name-text.ts'

const REPLACEMENT = '\uFFFD'
const ESCAPED = /[\uDC80-\uDCFF]/u
const ESCAPE_BASE = 0xdc00

/** The arguments, those that are not valid UTF-8 in escaped form. */
export function escapedArguments(args: readonly string[]): readonly string[] {
  if (!args.some((arg) => arg.includes(REPLACEMENT))) return args
  const raw = rawArguments()
  // Node's own arguments come before the program's.
  const before = raw.length - args.length
  return args.map((arg, at) =>
    arg.includes(REPLACEMENT) ? nameText(raw[before + at] ?? utf8(arg)) : arg,
  )
}

function rawArguments(): readonly Bytes[] {
  try {
    return splitAtZeros(plain(readFileSync('/proc/self/cmdline')))
  } catch {
    return [] // No procfs: then there is only what Node has.
  }
}

/** The parts of a list in which each part ends with a zero byte (the last one may lack it). */
export function splitAtZeros(list: Bytes): readonly Bytes[] {
  const parts: Bytes[] = []
  for (let start = 0; start < list.length; ) {
    const zero = list.indexOf(0, start)
    const end = zero === -1 ? list.length : zero
    parts.push(list.slice(start, end))
    start = end + 1
  }
  return parts
}

/** The bytes of an argument, escaped or not. */
export function bytesOfArgument(arg: string): Bytes {
  if (!ESCAPED.test(arg)) return utf8(arg)
  const parts: Bytes[] = []
  for (const part of arg.split(/([\uDC80-\uDCFF])/u)) {
    const escaped = part.length === 1 && ESCAPED.test(part)
    parts.push(escaped ? Uint8Array.of(part.charCodeAt(0) - ESCAPE_BASE) : utf8(part))
  }
  return concat(parts)
}

const SLASH = 0x2f

/** An absolute path from one as the user gave it. A '/' at its end stays. */
export function absolutePath(path: Bytes): Bytes {
  if (path[0] === SLASH) return path
  const folder = workingFolder()
  return concat([folder, folder.length === 1 ? new Uint8Array(0) : Uint8Array.of(SLASH), path])
}

function workingFolder(): Bytes {
  const folder = process.cwd()
  if (!folder.includes(REPLACEMENT)) return utf8(folder)
  return plain(readlinkSync('/proc/self/cwd', { encoding: 'buffer' }))
}

/** The path without '/' at its end, '.' and '..': as snapshots record it. */
export function recordedPath(path: Bytes): Bytes {
  const names: string[] = []
  for (const name of Buffer.from(path).toString('latin1').split('/')) {
    if (name === '..') names.pop()
    else if (name !== '' && name !== '.') names.push(name)
  }
  return concat([Uint8Array.of(SLASH), plain(Buffer.from(names.join('/'), 'latin1'))])
}
