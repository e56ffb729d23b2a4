// Headers of tar archives in the POSIX pax format (IEEE Std 1003.1, 'pax'): a ustar header, and before
// it an extended one for whatever does not fit. Names are bytes and stay what they are: those that are
// not UTF-8 go into the ustar field where they fit, and else under `hdrcharset=BINARY`.

import { type Bytes, concat, fromUtf8, utf8 } from '../../base/bytes.ts'
import { aclText } from './acl-text.ts'

const BLOCK_BYTES = 512

export const TYPE_FLAGS = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  'char-device': '3',
  'block-device': '4',
  directory: '5',
  fifo: '6',
} as const

export interface TarHeader {
  readonly type: keyof typeof TYPE_FLAGS
  readonly path: Bytes
  readonly linkPath?: Bytes | undefined
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly user?: Bytes | undefined
  readonly group?: Bytes | undefined
  readonly size: number
  readonly mtimeSeconds: bigint
  readonly mtimeNanos: number
  readonly device?: { readonly major: number; readonly minor: number } | undefined
  readonly xattrs?: readonly { readonly name: Bytes; readonly value: Bytes }[] | undefined
}

type Records = [key: string | Bytes, value: Bytes][]

const NAME_BYTES = 100
const OWNER_BYTES = 32

/** The header blocks of an entry; its content and padding follow. */
export function encodeHeader(header: TarHeader): Bytes {
  const records = recordsOf(header)
  if (records.length === 0) return ustar(header, TYPE_FLAGS[header.type])
  const body = concat(records.map(([key, value]) => encodeRecord(key, value)))
  const extended: TarHeader = { ...PAX_HEADER, size: body.length }
  return concat([
    ustar(extended, 'x'),
    body,
    padding(body.length),
    ustar(header, TYPE_FLAGS[header.type]),
  ])
}

const PAX_HEADER: TarHeader = {
  type: 'file',
  path: utf8('PaxHeaders/x'),
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 0,
  mtimeSeconds: 0n,
  mtimeNanos: 0,
}

/** Two empty blocks. */
export function endOfArchive(): Bytes {
  return new Uint8Array(2 * BLOCK_BYTES)
}

/** What fills up the last block of a content. */
export function padding(length: number): Bytes {
  return new Uint8Array((BLOCK_BYTES - (length % BLOCK_BYTES)) % BLOCK_BYTES)
}

/** What the ustar header cannot say. */
function recordsOf(header: TarHeader): Records {
  const names: Records = []
  addText(names, 'path', header.path, NAME_BYTES)
  addText(names, 'linkpath', header.linkPath, NAME_BYTES)
  addText(names, 'uname', header.user, OWNER_BYTES)
  addText(names, 'gname', header.group, OWNER_BYTES)
  const isBinary = names.some(([, value]) => fromUtf8(value) === undefined)
  const records: Records = isBinary ? [['hdrcharset', utf8('BINARY')], ...names] : names
  addNumber(records, 'uid', header.uid, 8)
  addNumber(records, 'gid', header.gid, 8)
  addNumber(records, 'size', header.size, 12)
  addNumber(records, 'SCHILY.devmajor', header.device?.major ?? 0, 8)
  addNumber(records, 'SCHILY.devminor', header.device?.minor ?? 0, 8)
  if (header.mtimeNanos !== 0 || !fitsOctal(header.mtimeSeconds, 12)) {
    records.push(['mtime', utf8(timeText(header.mtimeSeconds, header.mtimeNanos))])
  }
  for (const { name, value } of header.xattrs ?? []) {
    records.push([xattrKey(name), value])
    addAcl(records, name, value)
  }
  return records
}

/** GNU tar and star take lists of rights from records of their own, as text. */
function addAcl(records: Records, name: Bytes, value: Bytes): void {
  const key = ACL_KEYS.get(fromUtf8(name) ?? '')
  const text = key === undefined ? undefined : aclText(value)
  if (key !== undefined && text !== undefined) records.push([key, utf8(text)])
}

const ACL_KEYS: ReadonlyMap<string, string> = new Map([
  ['system.posix_acl_access', 'SCHILY.acl.access'],
  ['system.posix_acl_default', 'SCHILY.acl.default'],
])

/** A record where the text is too long for its field, or is UTF-8 beyond ASCII, which ustar does not know. */
function addText(
  records: Records,
  key: string,
  value: Bytes | undefined,
  fieldBytes: number,
): void {
  if (value === undefined) return
  const isAscii = value.every((byte) => byte < 0x80)
  if (value.length > fieldBytes || (!isAscii && fromUtf8(value) !== undefined))
    records.push([key, value])
}

function addNumber(records: Records, key: string, value: number, fieldBytes: number): void {
  if (!fitsOctal(BigInt(value), fieldBytes)) records.push([key, utf8(String(value))])
}

/** A field of octal digits ends in a NUL. */
function fitsOctal(value: bigint, fieldBytes: number): boolean {
  return value >= 0n && value < 1n << BigInt(3 * (fieldBytes - 1))
}

/** Decimal seconds with a fraction; nanoseconds always count upwards, also before 1970. */
export function timeText(seconds: bigint, nanos: number): string {
  if (nanos === 0) return String(seconds)
  const total = seconds * 1_000_000_000n + BigInt(nanos)
  const magnitude = total < 0n ? -total : total
  const fraction = String(magnitude % 1_000_000_000n)
    .padStart(9, '0')
    .replace(/0+$/, '')
  return `${total < 0n ? '-' : ''}${magnitude / 1_000_000_000n}.${fraction}`
}

/** As GNU tar and star write them; '=' ends a key, so it is escaped as GNU tar does. */
function xattrKey(name: Bytes): Bytes {
  const escaped = [...name].flatMap((byte) =>
    byte === 0x3d ? [0x25, 0x33, 0x44] : byte === 0x25 ? [0x25, 0x32, 0x35] : [byte],
  )
  return concat([utf8('SCHILY.xattr.'), Uint8Array.from(escaped)])
}

/** `<length> <key>=<value>\n`, where the length counts itself. */
function encodeRecord(key: string | Bytes, value: Bytes): Bytes {
  const keyBytes = typeof key === 'string' ? utf8(key) : key
  const rest = keyBytes.length + value.length + 3
  let length = rest + String(rest).length
  if (String(length).length !== String(rest).length) length = rest + String(length).length
  return concat([utf8(`${length} `), keyBytes, utf8('='), value, utf8('\n')])
}

function ustar(header: TarHeader, typeFlag: string): Bytes {
  const block = new Uint8Array(BLOCK_BYTES)
  const put = (at: number, bytes: Bytes, max: number) => block.set(bytes.subarray(0, max), at)
  put(0, header.path, NAME_BYTES)
  put(100, octal(header.mode, 8), 8)
  put(108, octal(header.uid, 8), 8)
  put(116, octal(header.gid, 8), 8)
  put(124, octal(header.size, 12), 12)
  put(136, octal(header.mtimeSeconds, 12), 12)
  put(148, utf8('        '), 8)
  put(156, utf8(typeFlag), 1)
  put(157, header.linkPath ?? EMPTY, NAME_BYTES)
  put(257, utf8('ustar\x0000'), 8)
  put(265, header.user ?? EMPTY, OWNER_BYTES)
  put(297, header.group ?? EMPTY, OWNER_BYTES)
  put(329, octal(header.device?.major ?? 0, 8), 8)
  put(337, octal(header.device?.minor ?? 0, 8), 8)
  const sum = block.reduce((total, byte) => total + byte, 0)
  put(148, utf8(`${sum.toString(8).padStart(6, '0')}\0 `), 8)
  return block
}

const EMPTY = new Uint8Array(0)

/** Octal digits with a NUL behind them; 0 where they do not fit and a record says what it is. */
function octal(value: number | bigint, fieldBytes: number): Bytes {
  const number = BigInt(value)
  const shown = fitsOctal(number, fieldBytes) ? number : 0n
  return utf8(`${shown.toString(8).padStart(fieldBytes - 1, '0')}\0`)
}
