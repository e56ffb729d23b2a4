// The configuration file, cairn.toml. Strict: a key that nobody knows is a typing error that would
// otherwise go unnoticed until the day of the restore.

import { readFileSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { parse, TomlError } from 'smol-toml'
import { type Bytes, fromUtf8, plain } from '../base/bytes.ts'
import { CairnError, messageOf } from '../base/errors.ts'
import type { Places } from './places.ts'

const KEYS = ['repository', 'passphrase-file', 'passphrase-command', 'key-file'] as const

type Key = (typeof KEYS)[number]

export type Configuration = Readonly<Partial<Record<Key, string>>>

/** What the file says; nothing where there is none. Throws 'usage' where it does not make sense. */
export function readConfiguration({ configuration: path, home }: Places): Configuration {
  const text = readText(path)
  if (text === undefined) return {}
  const found: Partial<Record<Key, string>> = {}
  for (const [name, value] of Object.entries(parseToml(text, path))) {
    const key = KEYS.find((one) => one === name)
    if (key === undefined) throw wrong(path, `there is no setting '${name}'`)
    if (typeof value !== 'string' || value === '') throw wrong(path, `${key} is not a text`)
    found[key] = key === 'passphrase-command' ? value : expanded(value, { key, path, home })
  }
  return found
}

function readText(path: string): string | undefined {
  const bytes = readBytes(path)
  if (bytes === undefined) return undefined
  const text = fromUtf8(bytes)
  // Not put right: a path in it would be another one.
  if (text === undefined) throw wrong(path, 'it is not valid UTF-8')
  return text
}

function readBytes(path: string): Bytes | undefined {
  try {
    return plain(readFileSync(path))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw wrong(path, messageOf(error))
  }
}

function parseToml(text: string, path: string): Record<string, unknown> {
  try {
    return parse(text)
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    // The library's message quotes the lines around, and these may hold a passphrase.
    const what = messageOf(error).split('\n')[0] ?? ''
    throw wrong(path, `line ${error.line}, column ${error.column}: ${what}`)
  }
}

/** What is no path: it begins with a kind of store. */
export const SCHEME = /^[a-z][a-z0-9+.-]+:/i

/** Paths begin with '/' or '~/': a file is read wherever the program is started. */
function expanded(
  value: string,
  { key, path, home }: { key: Key; path: string; home: string },
): string {
  if (value.startsWith('~/')) return join(home, value.slice(2))
  if (isAbsolute(value) || (key === 'repository' && SCHEME.test(value))) return value
  throw wrong(path, `${key} is not an absolute path (it may begin with ~/)`)
}

function wrong(path: string, why: string): CairnError {
  return new CairnError('usage', `Cannot use ${path}: ${why}`, {
    hint: `Known settings are ${KEYS.join(', ')}: see docs/cli.md.`,
  })
}
