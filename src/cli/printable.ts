// Names and paths for people. A name may hold line feeds, escape sequences that repaint a terminal,
// or bytes that are no text: whatever could be taken for something else is shown as \n or \x1b.

import { type Bytes, fromUtf8 } from '../base/bytes.ts'
import { nameText } from '../source/files/name-text.ts'

// Control characters, line separators, marks that change the direction of text, escaped bytes.
const UNSAFE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  /[\u0000-\u001F\u007F-\u009F\u061C\u200E\u200F\u2028\u2029\u202A-\u202E\u2066-\u2069\uD800-\uDFFF\\]/gu

const SHORT: Readonly<Record<string, string>> = {
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\\': '\\\\',
}

export function printable(name: Bytes): string {
  return printableText(nameText(name))
}

export function printableText(text: string): string {
  return text.replace(UNSAFE, escaped)
}

function escaped(character: string): string {
  const short = SHORT[character]
  if (short !== undefined) return short
  const code = character.charCodeAt(0)
  const isByte = code < 0x100 || (code >= 0xdc80 && code <= 0xdcff)
  return isByte ? `\\x${(code & 0xff).toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`
}

export interface JsonName {
  readonly path: string
  /** Base64 of the bytes, where they are not valid UTF-8. */
  readonly pathBytes?: string
}

/** A path for programs: `path` is exact where `pathBytes` is missing. */
export function jsonPath(path: Bytes): JsonName {
  const text = fromUtf8(path)
  if (text !== undefined) return { path: text }
  return { path: printable(path), pathBytes: Buffer.from(path).toString('base64') }
}
