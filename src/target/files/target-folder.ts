// Writes below one folder, and nowhere else. Every call works on a folder's descriptor and one
// name in it that is checked first; folders are reached from the root's descriptor without passing
// through any symbolic link, '..' or magic link of /proc, even while another process swaps folders
// for links: openat2 with RESOLVE_BENEATH, or one openat with O_NOFOLLOW for each component.
//
// All calls return 0 or a descriptor, else the negative errno: -EINVAL for a name that is none,
// -ELOOP or -ENOTDIR where a link stands in the way. Nothing is retried and nothing is replaced.

import { type Bytes, equalBytes } from '../../base/bytes.ts'
import { type Address, type Libc, libc, type Result } from '../../base/libc.ts'
import {
  AT_FDCWD,
  AT_SYMLINK_FOLLOW,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_TMPFILE,
  O_WRONLY,
  S_IFBLK,
  S_IFCHR,
  S_IFIFO,
} from '../../base/libc-constants.ts'
import { Errno } from '../../base/libc-error.ts'
import type { DirectoryListing } from '../../base/libc-listing.ts'
import { NativeBuffer, PathSlot, procFdPath } from '../../base/libc-memory.ts'
import type { StatBuffer } from '../../base/libc-stat.ts'
import { BeneathOpener } from './open-beneath.ts'
import { removeTree } from './remove-tree.ts'

// File systems whose names are UTF-16 give up to 1,020 bytes; what is too long the kernel says.
const NAME_BYTES_MAX = 1020
const GOAL_BYTES_MAX = 4095
const SLASH = 0x2f
const DOT = 0x2e
const HERE = Uint8Array.of(DOT)

const FOLDERS_OPEN_MAX = 64
/** From this many names on, so many folders above one are opened with it. */
const FAR = 64
const OPENED_WITH_IT = 16
const CLOSED = -1

interface OpenFolder {
  readonly key: string
  fd: number
}

const FILE_FLAGS = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC
const FOLDER_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC

let rootPath: PathSlot | undefined

/** Whether bytes may be the name of an entry: one component that leads nowhere else. */
export function isEntryName(name: Bytes): boolean {
  if (name.length === 0 || name.length > NAME_BYTES_MAX) return false
  if (name.includes(SLASH) || name.includes(0)) return false
  if (name[0] !== DOT) return true
  return !(name.length === 1 || (name.length === 2 && name[1] === DOT))
}

export class TargetFolder {
  readonly #libc: Libc = libc()
  readonly #rootFd: number
  readonly #opener = new BeneathOpener()
  readonly #name = new PathSlot()
  readonly #otherName = new PathSlot()
  /** One byte more than a goal has: what fills it is longer. */
  readonly #goal = new NativeBuffer(GOAL_BYTES_MAX + 1)
  /** Open folders by path, the one used longest ago first. */
  readonly #folders = new Map<string, OpenFolder>()
  /** What the same array was asked for with last: a deep path takes long to compare. */
  readonly #asked = new WeakMap<readonly Bytes[], OpenFolder>()

  /** Takes over the root folder's descriptor, and closes it in the end. */
  constructor(rootFd: number) {
    this.#rootFd = rootFd
  }

  /** Opens the root itself: the user's own path, in which links are followed. */
  static open(path: Bytes): TargetFolder | Result {
    rootPath ??= new PathSlot()
    const fd = libc().openat(AT_FDCWD, rootPath.put(path), FOLDER_FLAGS & ~O_NOFOLLOW, 0)
    return fd < 0 ? fd : new TargetFolder(fd)
  }

  get rootFd(): number {
    return this.#rootFd
  }

  /**
   * A descriptor of the folder at this path below the root; [] is the root. It stays ours and is
   * good until 60 other folders were asked for, or three that lie deep. The array must not be changed
   * afterwards. -ENOENT, -ELOOP, -ENOTDIR, -EINVAL and others.
   */
  openDirectory(path: readonly Bytes[]): Result {
    if (path.length === 0) return this.#rootFd
    const asked = this.#asked.get(path)
    const known = asked === undefined || asked.fd === CLOSED ? this.#find(path) : asked
    if (typeof known === 'number') return known
    this.#asked.set(path, known)
    this.#folders.delete(known.key)
    this.#folders.set(known.key, known)
    return known.fd
  }

  #find(path: readonly Bytes[]): OpenFolder | Result {
    const key = keyOf(path)
    const known = this.#folders.get(key)
    if (known !== undefined) return known
    if (!path.every(isEntryName)) return -Errno.EINVAL
    const fd = this.#openBelow(path, key)
    return fd < 0 ? fd : this.#remember(key, fd)
  }

  /** Forgets the descriptors of a folder and all below it: after it was removed or replaced. */
  forgetDirectory(path: readonly Bytes[]): void {
    const key = keyOf(path)
    for (const folder of this.#folders.values())
      if (folder.key.startsWith(key)) this.#forget(folder)
  }

  /** Fills `stat` from an entry, never following it. */
  statEntry(dirFd: number, name: Bytes, stat: StatBuffer): Result {
    const address = this.#address(name)
    return address === 0 ? -Errno.EINVAL : stat.readAt(dirFd, address)
  }

  /** Whether a symbolic link is there that leads to this very goal, byte for byte. */
  isSymlinkTo(dirFd: number, name: Bytes, goal: Bytes): boolean {
    const { address: out, bytes } = this.#goal
    const length = this.#with(name, (address) =>
      this.#libc.readlinkat(dirFd, address, out, bytes.length),
    )
    return length >= 0 && equalBytes(bytes.subarray(0, length), goal)
  }

  /** Lists a folder that `openDirectory` gave, any number of times. */
  list(dirFd: number, listing: DirectoryListing): Result {
    // From the start, and apart from any other listing: by a descriptor of its own.
    const fd = this.#libc.openat(dirFd, this.#name.put(HERE), FOLDER_FLAGS, 0)
    if (fd < 0) return fd
    const result = listing.read(fd)
    this.#libc.close(fd)
    return result
  }

  /** Makes a folder for its owner alone; the mode it is to have comes with its metadata. */
  makeDirectory(dirFd: number, name: Bytes): Result {
    return this.#with(name, (address) => this.#libc.mkdirat(dirFd, address, 0o700))
  }

  /**
   * Makes and opens a new file for writing, with mode 0600. -EEXIST where anything is there. `finalMode`,
   * to be given only of a file without extended attributes, may be set at once: where it gives the
   * file's group nothing that it does not give to all, for whose the group is comes with the metadata,
   * and where it lets the owner read and write. An ACL would shut out some whom the mode lets in, and
   * user.* can only be set where the mode lets write.
   */
  createFile(dirFd: number, name: Bytes, finalMode = 0o600): Result {
    const flags = FILE_FLAGS | O_WRONLY | O_CREAT | O_EXCL
    const mode = modeAtFirst(finalMode)
    return this.#with(name, (address) => this.#libc.openat(dirFd, address, flags, mode))
  }

  /**
   * As `createFile`, but a file without a name, gone when its descriptor is closed unless it is given one.
   * -EOPNOTSUPP and others where the file system or the kernel has no such thing.
   */
  createUnnamed(dirFd: number, finalMode = 0o600): Result {
    const flags = O_TMPFILE | O_WRONLY | O_CLOEXEC
    return this.#libc.openat(dirFd, this.#name.put(HERE), flags, modeAtFirst(finalMode))
  }

  /** A name, below the folder that it was created in. -EEXIST where anything is there. */
  nameUnnamed(fd: number, to: { readonly dirFd: number; readonly name: Bytes }): Result {
    const fromAddress = this.#otherName.put(procFdPath(fd))
    return this.#with(to.name, (address) =>
      this.#libc.linkat(AT_FDCWD, fromAddress, to.dirFd, address, AT_SYMLINK_FOLLOW),
    )
  }

  /**
   * Opens a regular file that is there already for reading and writing, and fills `stat`. -EMLINK
   * where it has several names: one of them may lie outside the target, and belong to another.
   */
  openExisting(dirFd: number, name: Bytes, stat: StatBuffer): Result {
    const flags = FILE_FLAGS | O_RDWR
    const fd = this.#with(name, (address) => this.#libc.openat(dirFd, address, flags, 0))
    if (fd < 0) return fd
    const result = stat.readFd(fd)
    if (result === 0 && stat.isFile && stat.links === 1) return fd
    this.#libc.close(fd)
    if (result < 0) return result
    return stat.isFile ? -Errno.EMLINK : -Errno.EINVAL
  }

  /** Opens whatever is there without reading or following it: for its metadata (O_PATH). */
  openForMetadata(dirFd: number, name: Bytes): Result {
    const flags = O_PATH | O_NOFOLLOW | O_CLOEXEC
    return this.#with(name, (address) => this.#libc.openat(dirFd, address, flags, 0))
  }

  /** `goal` is stored as it is; -EINVAL where it is empty or contains NUL. */
  makeSymlink(dirFd: number, name: Bytes, goal: Bytes): Result {
    if (goal.length === 0 || goal.includes(0)) return -Errno.EINVAL
    if (goal.length > GOAL_BYTES_MAX) return -Errno.ENAMETOOLONG
    const goalAddress = this.#otherName.put(goal)
    return this.#with(name, (address) => this.#libc.symlinkat(goalAddress, dirFd, address))
  }

  makeFifo(dirFd: number, name: Bytes): Result {
    return this.#with(name, (address) => this.#libc.mknodat(dirFd, address, S_IFIFO | 0o600, 0))
  }

  /** Needs root. -EINVAL for numbers that Linux has no room for. */
  makeDevice(
    dirFd: number,
    name: Bytes,
    device: { readonly type: 'char-device' | 'block-device'; major: number; minor: number },
  ): Result {
    if (device.major >= 2 ** 12 || device.minor >= 2 ** 20) return -Errno.EINVAL
    const mode = (device.type === 'char-device' ? S_IFCHR : S_IFBLK) | 0o600
    const number = deviceNumber(device.major, device.minor)
    return this.#with(name, (address) => this.#libc.mknodat(dirFd, address, mode, number))
  }

  /** A second name for what `from` names, itself never followed. */
  makeHardLink(
    from: { readonly dirFd: number; readonly name: Bytes },
    to: { readonly dirFd: number; readonly name: Bytes },
  ): Result {
    if (!isEntryName(from.name)) return -Errno.EINVAL
    const fromAddress = this.#otherName.put(from.name)
    return this.#with(to.name, (address) =>
      this.#libc.linkat(from.dirFd, fromAddress, to.dirFd, address, 0),
    )
  }

  /** Puts one entry in the place of another, atomically. */
  rename(
    from: { readonly dirFd: number; readonly name: Bytes },
    to: { readonly dirFd: number; readonly name: Bytes },
  ): Result {
    if (!isEntryName(from.name)) return -Errno.EINVAL
    const fromAddress = this.#otherName.put(from.name)
    return this.#with(to.name, (address) =>
      this.#libc.renameat(from.dirFd, fromAddress, to.dirFd, address),
    )
  }

  /** Removes an entry with all that is in it. The first errno where something resists. */
  removeEntry(dirFd: number, name: Bytes): Result {
    return isEntryName(name) ? removeTree(dirFd, name) : -Errno.EINVAL
  }

  close(): void {
    for (const folder of this.#folders.values()) this.#forget(folder)
    this.#libc.close(this.#rootFd)
  }

  #with(name: Bytes, call: (address: Address) => Result): Result {
    const address = this.#address(name)
    return address === 0 ? -Errno.EINVAL : call(address)
  }

  #address(name: Bytes): Address {
    return isEntryName(name) ? this.#name.put(name) : 0
  }

  /** From the parent where that is open, which is the usual case, else from the root. */
  #openBelow(path: readonly Bytes[], key: string): Result {
    const parent = path.length === 1 ? this.#rootFd : this.#folders.get(keyAbove(key))?.fd
    if (parent !== undefined) return this.#opener.openComponent(parent, path.at(-1) as Bytes)
    return path.length < FAR ? this.#opener.open(this.#rootFd, path) : this.#openFar(path, key)
  }

  /**
   * With some of the folders above it, for those are mostly asked for next: the way from the root is
   * long, and on the way back up it would be gone for each folder.
   */
  #openFar(path: readonly Bytes[], key: string): Result {
    const keys = [key]
    for (let i = 0; i < OPENED_WITH_IT; i++) keys.unshift(keyAbove(keys[0] as string))
    let fd = this.#opener.open(this.#rootFd, path.slice(0, -OPENED_WITH_IT))
    for (let i = 0; i < OPENED_WITH_IT && fd >= 0; i++) {
      if (!this.#folders.has(keys[i] as string)) this.#remember(keys[i] as string, fd)
      else fd = this.#inPlaceOf(keys[i] as string, fd)
      fd = this.#opener.openComponent(fd, path[path.length - OPENED_WITH_IT + i] as Bytes)
    }
    return fd
  }

  /** One that is open already, instead of the one that was opened a second time. */
  #inPlaceOf(key: string, fd: number): number {
    this.#libc.close(fd)
    return (this.#folders.get(key) as OpenFolder).fd
  }

  #remember(key: string, fd: number): OpenFolder {
    const folder = { key, fd }
    this.#folders.set(key, folder)
    const [oldest] = this.#folders.values()
    if (this.#folders.size > FOLDERS_OPEN_MAX && oldest !== undefined) this.#forget(oldest)
    return folder
  }

  #forget(folder: OpenFolder): void {
    this.#folders.delete(folder.key)
    this.#libc.close(folder.fd)
    folder.fd = CLOSED
  }
}

/** What a file may be created with that is to have this mode in the end. */
function modeAtFirst(finalMode: number): number {
  const isForAll = ((finalMode >> 3) & 0o7) === (finalMode & 0o7)
  return isForAll && (finalMode & 0o600) === 0o600 ? finalMode & 0o777 : 0o600
}

/** Components, each followed by a slash, so that a folder's key starts those of all below it. */
function keyOf(path: readonly Bytes[]): string {
  let length = path.length
  for (const name of path) length += name.length
  const key = Buffer.allocUnsafe(length)
  let at = 0
  for (const name of path) {
    key.set(name, at)
    at += name.length
    key[at++] = SLASH
  }
  return key.toString('latin1')
}

/** The key of the folder above; '' is the root's. */
function keyAbove(key: string): string {
  return key.slice(0, key.lastIndexOf('/', key.length - 2) + 1)
}

/** dev_t as glibc's makedev packs 12 bits of major and 20 of minor. */
function deviceNumber(major: number, minor: number): number {
  return Math.floor(minor / 256) * 2 ** 20 + ((major << 8) | (minor & 0xff))
}
