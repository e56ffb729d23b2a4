// When is a file the one of last time: the comparison behind "unchanged".

import { type Bytes, equalBytes } from '../../base/bytes.ts'
import type { Clock } from '../../base/clock.ts'
import { STAT_KEY, type StatBuffer } from '../../base/libc-stat.ts'
import { digestXattrs, NO_XATTRS_DIGEST } from '../../base/libc-xattrs.ts'
import type { Xattr } from '../../format/tree.ts'

/** A change within this time of a reading may leave the times as they were. */
const RACY_SECONDS = 2
const XATTRS_DIGEST_BYTES = NO_XATTRS_DIGEST.length

/** A key: STAT_KEY, then the digest of the extended attributes. */
export const CACHE_KEY_BYTES = STAT_KEY.bytes + XATTRS_DIGEST_BYTES

export function writeCacheKey(
  out: Bytes,
  at: number,
  { stat, xattrs }: { readonly stat: StatBuffer; readonly xattrs: readonly Xattr[] },
): void {
  stat.writeKey(out, at)
  out.set(digestXattrs(xattrs), at + STAT_KEY.bytes)
}

export class CacheKeys {
  readonly #ignoreCtime: boolean
  readonly #ignoreInode: boolean
  readonly #settledBefore: number

  constructor(options: { ignoreCtime: boolean; ignoreInode: boolean; clock: Clock }) {
    this.#ignoreCtime = options.ignoreCtime
    this.#ignoreInode = options.ignoreInode
    this.#settledBefore = options.clock.nowMs() / 1000 - RACY_SECONDS
  }

  make(stat: StatBuffer, xattrs: readonly Xattr[]): Bytes {
    const key = new Uint8Array(CACHE_KEY_BYTES)
    writeCacheKey(key, 0, { stat, xattrs })
    return key
  }

  /** Whether its last change is long enough ago for the time that counts to tell a later one. */
  isSettled(key: Bytes): boolean {
    const time = this.#ignoreCtime ? STAT_KEY.mtime : STAT_KEY.ctime
    return secondsAt(key, time) < this.#settledBefore
  }

  /**
   * Whether an entry, which is no folder, is as it was. Nothing changes extended attributes without
   * moving ctime, so they are read for this only where ctime does not count. The inode always counts
   * where there are several names: it is in the entry, and says which of them are one file.
   */
  matches(stat: StatBuffer, key: Bytes, xattrs: () => readonly Xattr[]): boolean {
    if (!this.#ignoreCtime && !this.#ignoreInode) return stat.matchesKey(key, 0)
    const now = new Uint8Array(STAT_KEY.bytes)
    stat.writeKey(now, 0)
    if (!this.#sameStat(now, key, this.#inodeCounts(stat))) return false
    return !this.#ignoreCtime || equalBytes(digestOf(xattrs()), key.subarray(STAT_KEY.bytes))
  }

  /**
   * Whether a file has the content of last time where ctime does not count: the same size and modification
   * time. All else of it may be another.
   */
  hasContentOf(stat: StatBuffer, key: Bytes): boolean {
    if (!this.#ignoreCtime || !stat.isFile) return false
    const now = new Uint8Array(STAT_KEY.bytes)
    stat.writeKey(now, 0)
    const typeAt = STAT_KEY.mode + 1
    return (
      sameRun(now, key, 0, STAT_KEY.mode) &&
      (now[typeAt] as number) >> 4 === (key[typeAt] as number) >> 4 &&
      (!this.#inodeCounts(stat) || sameRun(now, key, STAT_KEY.inode, STAT_KEY.bytes))
    )
  }

  #inodeCounts(stat: StatBuffer): boolean {
    return !this.#ignoreInode || stat.links > 1
  }

  /** Whether two keys say the same, as far as they count. */
  equal(a: Bytes, b: Bytes): boolean {
    return (
      this.#sameStat(a, b, !this.#ignoreInode) &&
      equalBytes(a.subarray(STAT_KEY.bytes), b.subarray(STAT_KEY.bytes))
    )
  }

  #sameStat(a: Bytes, b: Bytes, inodeCounts: boolean): boolean {
    return (
      sameRun(a, b, 0, STAT_KEY.ctime) &&
      (this.#ignoreCtime || sameRun(a, b, STAT_KEY.ctime, STAT_KEY.inode)) &&
      (!inodeCounts || sameRun(a, b, STAT_KEY.inode, STAT_KEY.bytes))
    )
  }
}

/** Signed seconds of 64 bits, as near as a number comes to them. */
function secondsAt(key: Bytes, at: number): number {
  const word = (i: number) =>
    ((key[i] as number) | ((key[i + 1] as number) << 8) | ((key[i + 2] as number) << 16)) +
    (key[i + 3] as number) * 2 ** 24
  const [low, high] = [word(at), word(at + 4)]
  return low + (high >= 2 ** 31 ? high - 2 ** 32 : high) * 2 ** 32
}

function sameRun(a: Bytes, b: Bytes, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (a[i] !== b[i]) return false
  return true
}

function digestOf(xattrs: readonly Xattr[]): Bytes {
  return xattrs.length === 0 ? NO_XATTRS_DIGEST : digestXattrs(xattrs)
}
