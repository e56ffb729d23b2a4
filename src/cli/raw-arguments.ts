// Arguments and variables as bytes. File names may be any bytes, and Node decodes both as UTF-8: what is
// not valid is lost. The kernel still has it, so what lost something is taken from there, in the
// escaped form that file names have in patterns (source/files/name-text.ts), which can be undone.

import { readFileSync, readlinkSync } from 'node:fs'
import { type Bytes, concat, plain, utf8 } from '../base/bytes.ts'
import { CairnError } from '../base/errors.ts'
import { nameText } from '../source/files/name-text.ts'
import type { Environment } from './places.ts'

const REPLACEMENT = '\uFFFD'
const ESCAPED = /[\uDC80-\uDCFF]/u
const ESCAPE_BASE = 0xdc00

/** The arguments, those that are not valid UTF-8 in escaped form. */
export function escapedArguments(args: readonly string[]): readonly string[] {
  if (!args.some((arg) => arg.includes(REPLACEMENT))) return args
  const raw = listIn('/proc/self/cmdline')
  // Node's own arguments come before the program's.
  const before = raw.length - args.length
  return args.map((arg, at) =>
    arg.includes(REPLACEMENT) ? nameText(raw[before + at] ?? utf8(arg)) : arg,
  )
}

/** The environment, values that are not valid UTF-8 in escaped form. */
export function escapedEnvironment(env: Environment): Environment {
  const lossy = Object.entries(env).filter(([, value]) => value?.includes(REPLACEMENT))
  if (lossy.length === 0) return env
  const raw = listIn('/proc/self/environ').map(nameText)
  const escaped = lossy.map(([name, value]) => {
    const line = raw.find((one) => one.startsWith(`${name}=`))
    return [name, line?.slice(name.length + 1) ?? value] as const
  })
  return { ...env, ...Object.fromEntries<string | undefined>(escaped) }
}

/** Whether a text stands for bytes that are no text. */
export function isEscaped(text: string): boolean {
  return ESCAPED.test(text)
}

/** A list that the kernel has, each part ended by a zero byte. */
function listIn(path: string): readonly Bytes[] {
  try {
    return splitAtZeros(plain(readFileSync(path)))
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

/** The working folder, in escaped form where it is not valid UTF-8. */
export function workingFolderText(): string {
  return nameText(workingFolder())
}

/** Throws 'usage' where it was removed. */
function workingFolder(): Bytes {
  let folder: string
  try {
    folder = process.cwd()
  } catch (error) {
    throw new CairnError('usage', 'The folder that the command was started in is gone', {
      hint: 'Go to another one with `cd`, or give full paths.',
      cause: error,
    })
  }
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
