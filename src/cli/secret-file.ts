// Files that hold a secret: read with a limit, written for their owner alone.

import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { type Bytes, concat, fromUtf8, toHex, utf8 } from '../base/bytes.ts'
import { CairnError, messageOf } from '../base/errors.ts'
import type { Random } from '../sealer/random.ts'
import { bytesOfArgument } from './raw-arguments.ts'

/** Larger ones are not meant, and /dev/zero has no end. */
const BYTES_MAX = 64 * 1024

export interface SecretFile {
  readonly bytes: Bytes
  /** A file that others on this machine may read too. */
  readonly isExposed: boolean
}

/** The content of a file, '-' being stdin. Throws 'usage'. */
export function readSecretFile(path: string): SecretFile {
  try {
    const fd = path === '-' ? 0 : openSync(bytesOf(path), 'r')
    try {
      const stat = fstatSync(fd)
      const isExposed = stat.isFile() && path !== '-' && (stat.mode & 0o077) !== 0
      return { bytes: readToEnd(fd), isExposed }
    } finally {
      if (fd !== 0) closeSync(fd)
    }
  } catch (error) {
    if (error instanceof CairnError) throw error
    throw new CairnError('usage', `Cannot read ${nameOf(path)}: ${messageOf(error)}`)
  }
}

/** Paths are arguments, which may be no text. */
function bytesOf(path: string): Buffer {
  return Buffer.from(bytesOfArgument(path))
}

/** Whether there is something at the path of a secret. */
export function isSecretThere(path: string): boolean {
  return existsSync(bytesOf(path))
}

function readToEnd(fd: number): Bytes {
  const parts: Bytes[] = []
  for (let total = 0; ; ) {
    const part = new Uint8Array(4096)
    const count = readSync(fd, part)
    if (count === 0) return concat(parts)
    parts.push(part.subarray(0, count))
    total += count
    if (total > BYTES_MAX) throw new CairnError('usage', 'Cannot use a file of secrets over 64 KiB')
  }
}

function nameOf(path: string): string {
  return path === '-' ? 'stdin' : path
}

/** The passphrase in a file: its one line. Throws 'usage' where it holds something else. */
export function passphraseIn(bytes: Bytes, path: string): string {
  const text = fromUtf8(bytes)?.replace(/\r?\n$/, '')
  const wrong = (why: string) =>
    new CairnError('usage', `Cannot take a passphrase from ${nameOf(path)}: it ${why}`)
  if (text === undefined) throw wrong('is not text in UTF-8')
  if (text.trim() === '') throw wrong('is empty')
  if (/[\r\n\0]/.test(text)) throw wrong('has more than one line')
  return text
}

/** A secret from a key file: all of its bytes. */
export function keyIn(bytes: Bytes, path: string): Bytes {
  if (bytes.length >= KEY_FILE_BYTES_MIN) return bytes
  const has = `it has ${bytes.length} of at least ${KEY_FILE_BYTES_MIN} bytes`
  throw new CairnError('usage', `Cannot use the key file ${nameOf(path)}: ${has}`)
}

const KEY_FILE_BYTES_MIN = 32

/** A new key file: a line of 64 hexadecimal digits, 256 bits. False where there is one already. */
export function writeNewKeyFile(path: string, random: Random): boolean {
  return writeNewSecret({ path, text: toHex(random(32)), random })
}

/**
 * Writes a line into a new file of mode 0600: whole, on the disk and under its name, or not at all.
 * False where there is a file already, which stays as it is.
 */
export function writeNewSecret(options: {
  readonly path: string
  readonly text: string
  readonly random: Random
}): boolean {
  const { path, text, random } = options
  const temporary = `${path}.${toHex(random(8))}.new`
  try {
    mkdirSync(bytesOf(dirname(path)), { recursive: true, mode: 0o700 })
    writeSynced(temporary, utf8(`${text}\n`))
    return linkNew(temporary, path)
  } catch (error) {
    throw new CairnError('usage', `Cannot write ${path}: ${messageOf(error)}`, { cause: error })
  }
}

function linkNew(temporary: string, path: string): boolean {
  try {
    linkSync(bytesOf(temporary), bytesOf(path))
    syncFolder(dirname(path))
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  } finally {
    unlinkSync(bytesOf(temporary))
  }
}

function writeSynced(path: string, bytes: Bytes): void {
  const fd = openSync(bytesOf(path), 'wx', 0o600)
  try {
    writeSync(fd, bytes)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

export function syncFolder(path: string): void {
  const fd = openSync(bytesOf(path), 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
