// The one door to the C library, through koffi. Every pointer is an address as a plain number (see
// libc-memory.ts), every call is synchronous, and every failure comes back as the negative errno:
// measured, a call costs 0.35 us beyond the system call, and throwing would cost more than that.
// Nothing is loaded before the first use (koffi takes 15 to 25 ms); each thread loads its own.

import { createRequire } from 'node:module'
import type * as KoffiModule from 'koffi'
import type { Bytes } from './bytes.ts'
import { CairnError, messageOf } from './errors.ts'

type Koffi = typeof KoffiModule

/** An address in this process, or 0 for NULL. */
export type Address = number

/** What a call returns where it succeeds (zero or more), else the negative errno. */
export type Result = number

let koffi: Koffi | undefined
let door: Libc | undefined

/** The C library; throws a 'platform' CairnError where there is none that we know. */
export function libc(): Libc {
  door ??= openDoor(loadKoffi())
  return door
}

/** Where a view begins in memory. Only sound for views of an explicit ArrayBuffer. */
export function addressOf(bytes: Bytes): Address {
  return Number(loadKoffi().address(bytes))
}

/** getdents64 has no wrapper in the oldest glibc that Node 24 runs on. */
const GETDENTS64: Readonly<Record<string, number>> = {
  x64: 217,
  arm64: 61,
  riscv64: 61,
  loong64: 61,
}
const OPENAT2 = 437

/** Whether `libc` has a chance: the platforms whose calls and constants are known here. */
export function isLibcKnown(): boolean {
  return process.platform === 'linux' && GETDENTS64[process.arch] !== undefined
}

function loadKoffi(): Koffi {
  if (koffi !== undefined) return koffi
  if (!isLibcKnown()) {
    throw new CairnError('platform', `Cannot back up or restore files on ${platformName()}`, {
      hint: 'Files are read and written on 64-bit Linux (x64, arm64, riscv64, loong64) so far.',
    })
  }
  try {
    koffi = createRequire(import.meta.url)('koffi') as Koffi
  } catch (cause) {
    throw new CairnError(
      'platform',
      `Cannot load koffi, the door to the C library: ${messageOf(cause)}`,
      {
        hint: `Run 'npm ci' on this machine: koffi has one package for each platform.`,
        cause,
      },
    )
  }
  return koffi
}

function platformName(): string {
  return `${process.platform} ${process.arch}`
}

type Call = (...args: number[]) => number

/** Declares a function: 'i' is int, 'u' unsigned int, 'l' a 64-bit number or an address. */
function declare(library: KoffiModule.LibraryHandle, name: string, shape: string): Call {
  const kinds: Record<string, string> = { i: 'int', u: 'uint', l: 'int64' }
  const types = Array.from(shape, (kind) => kinds[kind] as string)
  const result = types.shift() as string
  return library.func(name, result, types) as KoffiModule.KoffiFunc<Call>
}

export type Libc = ReturnType<typeof openDoor>

/** Binds everything that Cairn calls. Signatures are those of the manual's sections 2 and 3. */
function openDoor(koffi: Koffi) {
  const library = koffi.load(null)
  const bind = (name: string, shape: string) => declare(library, name, shape)
  const errno = koffi.errno
  const or = (result: number): Result => (result === -1 ? -errno() : result)
  // Returns its first argument and has no errors.
  const memcpy = bind('memcpy', 'llll')
  return {
    ...bindEntries(bind, or),
    ...bindOpenFiles(bind, or),
    ...bindAttributes(bind, or),
    memcpy,
  }
}

type Bind = (name: string, shape: string) => Call
type OrErrno = (result: number) => Result

/** Calls that take a folder and a name in it. */
function bindEntries(bind: Bind, or: OrErrno) {
  const openat = bind('openat', 'iiliu')
  const openat2 = bind('syscall', 'llilll')
  const statx = bind('statx', 'iiliul')
  const readlinkat = bind('readlinkat', 'lilll')
  const mkdirat = bind('mkdirat', 'iilu')
  const mknodat = bind('mknodat', 'iilul')
  const symlinkat = bind('symlinkat', 'ilil')
  const linkat = bind('linkat', 'iilili')
  const unlinkat = bind('unlinkat', 'iili')
  const renameat = bind('renameat', 'iilil')
  return {
    openat: (dirFd: number, path: Address, flags: number, mode: number) =>
      or(openat(dirFd, path, flags, mode)),
    /** `how` is a struct open_how of 24 bytes. -ENOSYS before Linux 5.6 and in some sandboxes. */
    openat2: (dirFd: number, path: Address, how: Address) =>
      or(openat2(OPENAT2, dirFd, path, how, 24)),
    statx: (dirFd: number, path: Address, flags: number, mask: number, out: Address) =>
      or(statx(dirFd, path, flags, mask, out)),
    readlinkat: (dirFd: number, path: Address, out: Address, length: number) =>
      or(readlinkat(dirFd, path, out, length)),
    mkdirat: (dirFd: number, path: Address, mode: number) => or(mkdirat(dirFd, path, mode)),
    mknodat: (dirFd: number, path: Address, mode: number, device: number) =>
      or(mknodat(dirFd, path, mode, device)),
    symlinkat: (target: Address, dirFd: number, path: Address) =>
      or(symlinkat(target, dirFd, path)),
    linkat: (fromFd: number, from: Address, toFd: number, to: Address, flags: number) =>
      or(linkat(fromFd, from, toFd, to, flags)),
    unlinkat: (dirFd: number, path: Address, flags: number) => or(unlinkat(dirFd, path, flags)),
    renameat: (fromFd: number, from: Address, toFd: number, to: Address) =>
      or(renameat(fromFd, from, toFd, to)),
  }
}

/** Calls on descriptors, and on the users' database. */
function bindOpenFiles(bind: Bind, or: OrErrno) {
  const close = bind('close', 'ii')
  const getdents64 = bind('syscall', 'llill')
  const fstatfs = bind('fstatfs', 'iil')
  const lseek = bind('lseek', 'lili')
  const ftruncate = bind('ftruncate', 'iil')
  const fallocate = bind('fallocate', 'iiill')
  const fsync = bind('fsync', 'ii')
  const poll = bind('poll', 'illi')
  const number = GETDENTS64[process.arch] as number
  return {
    close: (fd: number) => or(close(fd)),
    getdents64: (fd: number, out: Address, length: number) =>
      or(getdents64(number, fd, out, length)),
    fstatfs: (fd: number, out: Address) => or(fstatfs(fd, out)),
    lseek: (fd: number, offset: number, whence: number) => or(lseek(fd, offset, whence)),
    ftruncate: (fd: number, length: number) => or(ftruncate(fd, length)),
    fallocate: (fd: number, mode: number, offset: number, length: number) =>
      or(fallocate(fd, mode, offset, length)),
    fsync: (fd: number) => or(fsync(fd)),
    poll: (fds: Address, count: number, timeoutMs: number) => or(poll(fds, count, timeoutMs)),
    // These four return the errno itself.
    getpwuid_r: bind('getpwuid_r', 'iullll'),
    getpwnam_r: bind('getpwnam_r', 'illlll'),
    getgrgid_r: bind('getgrgid_r', 'iullll'),
    getgrnam_r: bind('getgrnam_r', 'illlll'),
  }
}

/** Owner, mode, times and extended attributes. */
function bindAttributes(bind: Bind, or: OrErrno) {
  const fchown = bind('fchown', 'iiuu')
  const fchownat = bind('fchownat', 'iiluui')
  const fchmod = bind('fchmod', 'iiu')
  const fchmodat = bind('fchmodat', 'iilui')
  const futimens = bind('futimens', 'iil')
  const utimensat = bind('utimensat', 'iilli')
  return {
    fchown: (fd: number, uid: number, gid: number) => or(fchown(fd, uid, gid)),
    fchownat: (dirFd: number, path: Address, uid: number, gid: number, flags: number) =>
      or(fchownat(dirFd, path, uid, gid, flags)),
    fchmod: (fd: number, mode: number) => or(fchmod(fd, mode)),
    fchmodat: (dirFd: number, path: Address, mode: number, flags: number) =>
      or(fchmodat(dirFd, path, mode, flags)),
    futimens: (fd: number, times: Address) => or(futimens(fd, times)),
    utimensat: (dirFd: number, path: Address, times: Address, flags: number) =>
      or(utimensat(dirFd, path, times, flags)),
    ...bindXattrs(bind, or),
  }
}

/** f... by descriptor, l... by path without following, the plain ones by path following. */
function bindXattrs(bind: Bind, or: OrErrno) {
  const flistxattr = bind('flistxattr', 'lill')
  const llistxattr = bind('llistxattr', 'llll')
  const listxattr = bind('listxattr', 'llll')
  const fgetxattr = bind('fgetxattr', 'lilll')
  const lgetxattr = bind('lgetxattr', 'lllll')
  const getxattr = bind('getxattr', 'lllll')
  const fsetxattr = bind('fsetxattr', 'iillli')
  const lsetxattr = bind('lsetxattr', 'illlli')
  const setxattr = bind('setxattr', 'illlli')
  const fremovexattr = bind('fremovexattr', 'iil')
  const removexattr = bind('removexattr', 'ill')
  return {
    flistxattr: (fd: number, out: Address, length: number) => or(flistxattr(fd, out, length)),
    llistxattr: (path: Address, out: Address, length: number) => or(llistxattr(path, out, length)),
    listxattr: (path: Address, out: Address, length: number) => or(listxattr(path, out, length)),
    fgetxattr: (fd: number, name: Address, out: Address, length: number) =>
      or(fgetxattr(fd, name, out, length)),
    lgetxattr: (path: Address, name: Address, out: Address, length: number) =>
      or(lgetxattr(path, name, out, length)),
    getxattr: (path: Address, name: Address, out: Address, length: number) =>
      or(getxattr(path, name, out, length)),
    fsetxattr: (fd: number, name: Address, value: Address, length: number) =>
      or(fsetxattr(fd, name, value, length, 0)),
    lsetxattr: (path: Address, name: Address, value: Address, length: number) =>
      or(lsetxattr(path, name, value, length, 0)),
    setxattr: (path: Address, name: Address, value: Address, length: number) =>
      or(setxattr(path, name, value, length, 0)),
    fremovexattr: (fd: number, name: Address) => or(fremovexattr(fd, name)),
    removexattr: (path: Address, name: Address) => or(removexattr(path, name)),
  }
}
