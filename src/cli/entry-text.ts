// Entries of trees, for people as `ls -l` shows them and for programs.

import { type Bytes, fromUtf8Lossy } from '../base/bytes.ts'
import type { Entry, EntryType } from '../format/tree.ts'
import { jsonPath, printable, printableText } from './printable.ts'
import { formatTime, isoTime } from './times.ts'

const LETTERS: Readonly<Record<EntryType, string>> = {
  file: '-',
  directory: 'd',
  symlink: 'l',
  fifo: 'p',
  'char-device': 'c',
  'block-device': 'b',
}

export function entryLine(options: {
  readonly path: Bytes
  readonly entry: Entry
  readonly long: boolean
}): string {
  const { path, entry, long } = options
  const name = `${printable(path)}${entry.type === 'directory' ? '/' : ''}`
  if (!long) return name
  const target = entry.target === undefined ? '' : ` -> ${printable(entry.target)}`
  const owner = `${ownerText(entry.user, entry.uid)} ${ownerText(entry.group, entry.gid)}`
  const time = formatTime(1000 * Number(entry.mtimeSeconds))
  return `${modeText(entry)} ${owner} ${sizeText(entry).padStart(12)} ${time} ${name}${target}`
}

function ownerText(name: Bytes | undefined, id: number): string {
  return (name === undefined ? String(id) : printableText(fromUtf8Lossy(name))).padEnd(8)
}

function sizeText({ size, device }: Entry): string {
  if (device !== undefined) return `${device.major}, ${device.minor}`
  return size === undefined ? '-' : String(size)
}

/** `-rwxr-xr-x`, with s, S, t and T as ls has them. */
function modeText({ type, mode }: Pick<Entry, 'type' | 'mode'>): string {
  const triplet = (shift: number, special: number, letter: string) => {
    const bits = mode >> shift
    const execute = (bits & 1) !== 0
    const last =
      (mode & special) === 0 ? (execute ? 'x' : '-') : execute ? letter : letter.toUpperCase()
    return `${(bits & 4) === 0 ? '-' : 'r'}${(bits & 2) === 0 ? '-' : 'w'}${last}`
  }
  return `${LETTERS[type]}${triplet(6, 0o4000, 's')}${triplet(3, 0o2000, 's')}${triplet(0, 0o1000, 't')}`
}

export function jsonEntry(path: Bytes, entry: Entry): Readonly<Record<string, unknown>> {
  const seconds = Number(entry.mtimeSeconds)
  return {
    ...jsonPath(path),
    type: entry.type,
    mode: entry.mode.toString(8).padStart(4, '0'),
    uid: entry.uid,
    gid: entry.gid,
    user: textOf(entry.user),
    group: textOf(entry.group),
    sizeBytes: entry.size,
    modifiedAt: isRepresentable(seconds)
      ? isoTime(1000 * seconds + entry.mtimeNanos / 1e6)
      : undefined,
    modifiedSeconds: entry.mtimeSeconds,
    modifiedNanos: entry.mtimeNanos,
    target: entry.target === undefined ? undefined : jsonPath(entry.target).path,
    device: entry.device,
    crc32: entry.crc32,
    changed: entry.changed === 1 ? true : undefined,
  }
}

function textOf(name: Bytes | undefined): string | undefined {
  return name === undefined ? undefined : fromUtf8Lossy(name)
}

/** Times of JavaScript end after 270,000 years; those of file systems need not. */
function isRepresentable(seconds: number): boolean {
  return Math.abs(seconds) <= 8.64e12
}
