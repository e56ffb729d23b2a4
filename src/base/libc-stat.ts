// What the file system says about one entry. A StatBuffer is the place that statx writes to; its
// getters decode only what is asked for, because most entries of most backups are unchanged and
// are recognised by comparing 64 bytes with those of last time. FileStat is the same as plain data,
// to be kept or sent to another thread.

import type { Bytes } from './bytes.ts'
import { type Address, type Libc, libc, type Result } from './libc.ts'
import {
  AT_EMPTY_PATH,
  AT_NO_AUTOMOUNT,
  AT_SYMLINK_NOFOLLOW,
  STATX_BASIC_STATS,
} from './libc-constants.ts'
import { NativeBuffer } from './libc-memory.ts'

export type FileType =
  | 'file'
  | 'directory'
  | 'symlink'
  | 'fifo'
  | 'socket'
  | 'char-device'
  | 'block-device'

/** A bigint only where a number would not be exact (beyond 2^53 either way). */
export type ExactInteger = number | bigint

export interface FileStat {
  readonly type: FileType
  /** The 12 permission bits, with setuid, setgid and sticky. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Bytes. Rounded beyond 2^53, which no disk holds; the walker reports such files. */
  readonly size: number
  /** Blocks of 512 bytes that are allocated. */
  readonly blocks: number
  readonly mtimeSeconds: ExactInteger
  readonly mtimeNanos: number
  readonly ctimeSeconds: ExactInteger
  readonly ctimeNanos: number
  readonly inode: ExactInteger
  /** The file system's device number. */
  readonly deviceMajor: number
  readonly deviceMinor: number
  /** What a device node stands for; 0 for everything else. */
  readonly rdevMajor: number
  readonly rdevMinor: number
  readonly links: number
}

/**
 * The layout of a stat key, all little-endian. Bytes 0 to 35 are what a user can see; what a caller
 * may choose to ignore comes last, each in one run. For devices rdev (major, minor) stands where
 * the size is otherwise.
 */
export const STAT_KEY = {
  bytes: 64,
  size: 0,
  mtime: 8, // seconds (8), nanoseconds (4)
  mode: 20, // with the type, as st_mode (2), then zeros (2)
  uid: 24,
  gid: 28,
  links: 32,
  ctime: 36, // seconds (8), nanoseconds (4)
  inode: 48, // inode (8), then device major and minor (4 each)
} as const

// Where the fields lie in struct statx: 32-bit words, and st_mode in 16-bit units.
const LINKS = 4
const UID = 5
const GID = 6
const MODE = 14
const INODE = 8
const SIZE = 10
const BLOCKS = 12
const CTIME = 24
const MTIME = 28
const RDEV = 32
const DEVICE = 34

const TYPES: readonly (FileType | undefined)[] = [
  undefined,
  'fifo',
  'char-device',
  undefined,
  'directory',
  undefined,
  'block-device',
  undefined,
  'file',
  undefined,
  'symlink',
  undefined,
  'socket',
]

const TWO_32 = 4294967296
const FORMAT_CHAR_DEVICE = 2
const FORMAT_BLOCK_DEVICE = 6

export class StatBuffer implements FileStat {
  readonly #libc: Libc = libc()
  readonly #buffer = new NativeBuffer(256)
  readonly #u32 = new Uint32Array(this.#buffer.bytes.buffer)
  readonly #i32 = new Int32Array(this.#buffer.bytes.buffer)
  readonly #u16 = new Uint16Array(this.#buffer.bytes.buffer)
  readonly #emptyPath = new NativeBuffer(8)
  readonly #key = new Uint32Array(STAT_KEY.bytes / 4)
  readonly #keyBytes = new Uint8Array(this.#key.buffer)

  /** Fills this from an entry, never following it if it is a symbolic link. 0 or -errno. */
  readAt(dirFd: number, name: Address): Result {
    const flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT
    return this.#libc.statx(dirFd, name, flags, STATX_BASIC_STATS, this.#buffer.address)
  }

  /** Fills this from a descriptor, also one of O_PATH. 0 or -errno. */
  readFd(fd: number): Result {
    const { address } = this.#buffer
    return this.#libc.statx(fd, this.#emptyPath.address, AT_EMPTY_PATH, STATX_BASIC_STATS, address)
  }

  get type(): FileType {
    return TYPES[this.#format] ?? 'socket'
  }

  get isDirectory(): boolean {
    return this.#format === 4
  }

  get isFile(): boolean {
    return this.#format === 8
  }

  get mode(): number {
    return (this.#u16[MODE] as number) & 0o7777
  }

  get uid(): number {
    return this.#u32[UID] as number
  }

  get gid(): number {
    return this.#u32[GID] as number
  }

  get size(): number {
    return this.#unsigned(SIZE)
  }

  get blocks(): number {
    return this.#unsigned(BLOCKS)
  }

  get mtimeSeconds(): ExactInteger {
    return this.#signed(MTIME)
  }

  get mtimeNanos(): number {
    return this.#u32[MTIME + 2] as number
  }

  get ctimeSeconds(): ExactInteger {
    return this.#signed(CTIME)
  }

  get ctimeNanos(): number {
    return this.#u32[CTIME + 2] as number
  }

  get inode(): ExactInteger {
    const rounded = this.#unsigned(INODE)
    return rounded <= Number.MAX_SAFE_INTEGER ? rounded : this.#exact(INODE)
  }

  /** Whether both are of one inode of one file system. */
  isSameFileAs(other: StatBuffer): boolean {
    return (
      this.inode === other.inode &&
      this.deviceMajor === other.deviceMajor &&
      this.deviceMinor === other.deviceMinor
    )
  }

  get deviceMajor(): number {
    return this.#u32[DEVICE] as number
  }

  get deviceMinor(): number {
    return this.#u32[DEVICE + 1] as number
  }

  get rdevMajor(): number {
    return this.#u32[RDEV] as number
  }

  get rdevMinor(): number {
    return this.#u32[RDEV + 1] as number
  }

  get links(): number {
    return this.#u32[LINKS] as number
  }

  /** Writes the 64 bytes of STAT_KEY: equal bytes mean that nothing changed. */
  writeKey(out: Bytes, offset: number): void {
    this.#fillKey()
    out.set(this.#keyBytes, offset)
  }

  /** Whether the 64 bytes at `offset` are this entry's key. */
  matchesKey(bytes: Bytes, offset: number): boolean {
    this.#fillKey()
    const key = this.#keyBytes
    for (let i = 0; i < STAT_KEY.bytes; i++) if (bytes[offset + i] !== key[i]) return false
    return true
  }

  /** The same as plain data that stays as it is. */
  copy(): FileStat {
    return {
      type: this.type,
      mode: this.mode,
      uid: this.uid,
      gid: this.gid,
      size: this.size,
      blocks: this.blocks,
      mtimeSeconds: this.mtimeSeconds,
      mtimeNanos: this.mtimeNanos,
      ctimeSeconds: this.ctimeSeconds,
      ctimeNanos: this.ctimeNanos,
      inode: this.inode,
      deviceMajor: this.deviceMajor,
      deviceMinor: this.deviceMinor,
      rdevMajor: this.rdevMajor,
      rdevMinor: this.rdevMinor,
      links: this.links,
    }
  }

  get #format(): number {
    return (this.#u16[MODE] as number) >> 12
  }

  #fillKey(): void {
    const from = this.#u32
    const key = this.#key
    const format = this.#format
    const isDevice = format === FORMAT_CHAR_DEVICE || format === FORMAT_BLOCK_DEVICE
    const size = isDevice ? RDEV : SIZE
    key[0] = from[size] as number
    key[1] = from[size + 1] as number
    key[2] = from[MTIME] as number
    key[3] = from[MTIME + 1] as number
    key[4] = from[MTIME + 2] as number
    key[5] = this.#u16[MODE] as number
    key[6] = from[UID] as number
    key[7] = from[GID] as number
    key[8] = from[LINKS] as number
    key[9] = from[CTIME] as number
    key[10] = from[CTIME + 1] as number
    key[11] = from[CTIME + 2] as number
    key[12] = from[INODE] as number
    key[13] = from[INODE + 1] as number
    key[14] = from[DEVICE] as number
    key[15] = from[DEVICE + 1] as number
  }

  #unsigned(word: number): number {
    return (this.#u32[word + 1] as number) * TWO_32 + (this.#u32[word] as number)
  }

  #signed(word: number): ExactInteger {
    const rounded = (this.#i32[word + 1] as number) * TWO_32 + (this.#u32[word] as number)
    if (Number.isSafeInteger(rounded)) return rounded
    return BigInt.asIntN(64, this.#exact(word))
  }

  #exact(word: number): bigint {
    return (BigInt(this.#u32[word + 1] as number) << 32n) | BigInt(this.#u32[word] as number)
  }
}
