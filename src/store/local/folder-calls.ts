// The few calls by which a local store changes its folder, and nothing else does. They are a
// parameter so that tests can record them: that every fsync comes before what relies on it is shown
// by replaying each prefix of the record and dropping all that was not synced (a power cut).
//
// They run on libuv's threads: the caller's thread goes on computing while the disk works. Errors
// are the system's own (code 'EEXIST', ...).

import { constants } from 'node:fs'
import { type FileHandle, link, mkdir, open, rename, rmdir, unlink } from 'node:fs/promises'
import type { Bytes } from '../../base/bytes.ts'
import { promisesLinks } from './link-support.ts'

/** A file that is being written, from its start, once. */
export interface NewFile {
  /** Appends all parts, one after the other. */
  write(parts: readonly Bytes[]): Promise<void>
  /** Returns when what was written survives a power cut; its name needs a syncFolder besides. */
  sync(): Promise<void>
  close(): Promise<void>
}

export interface FolderCalls {
  /** True where link is known to work in this folder, or in the nearest one that is there. */
  promisesLinks(path: string): boolean
  /** Makes one folder of mode 0700, less the umask. EEXIST where the name is taken. */
  makeFolder(path: string): Promise<void>
  /** Makes a file of mode 0600, less the umask. EEXIST where the name is taken. */
  createFile(path: string): Promise<NewFile>
  /** Gives a file a second name. EEXIST where it is taken: never replaces. */
  link(existing: string, path: string): Promise<void>
  /** Replaces what has the name `to`. */
  rename(from: string, to: string): Promise<void>
  unlink(path: string): Promise<void>
  /** ENOTEMPTY or EEXIST where something is in it. */
  removeFolder(path: string): Promise<void>
  /** Returns when the names in a folder survive a power cut. */
  syncFolder(path: string): Promise<void>
}

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW

/** Below the kernel's IOV_MAX of 1024: beyond it, libuv would not notice a short write. */
const WRITE_PARTS_MAX = 512

export const systemCalls: FolderCalls = {
  promisesLinks,
  makeFolder: (path) => mkdir(path, 0o700),
  createFile: async (path) => newFile(await open(path, CREATE, 0o600)),
  link,
  rename,
  unlink,
  removeFolder: (path) => rmdir(path),
  syncFolder,
}

/** The same without waiting for the disk: for caches, whose loss in a power cut costs little. */
export const unsyncedCalls: FolderCalls = {
  ...systemCalls,
  createFile: async (path) => ({ ...(await systemCalls.createFile(path)), sync: async () => {} }),
  syncFolder: async () => {},
}

function newFile(file: FileHandle): NewFile {
  return {
    write: (parts) => writeAll(file, parts),
    sync: () => file.sync(),
    close: () => file.close(),
  }
}

type Writer = Pick<FileHandle, 'writev'>

/** Writes all parts; goes on after a short write, as at a signal or a nearly full disk. */
export async function writeAll(file: Writer, parts: readonly Bytes[]): Promise<void> {
  let left = parts.filter((part) => part.length > 0)
  while (left.length > 0) {
    const { bytesWritten } = await file.writev(left.slice(0, WRITE_PARTS_MAX))
    left = without(left, bytesWritten)
  }
}

/** What remains of the parts after their first `count` bytes. */
function without(parts: readonly Bytes[], count: number): Bytes[] {
  let at = 0
  let skip = count
  for (; skip > 0; at++) {
    const length = parts[at]?.length ?? 0
    if (skip < length) break
    skip -= length
  }
  const [first, ...rest] = parts.slice(at)
  return first === undefined ? [] : [first.subarray(skip), ...rest]
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
