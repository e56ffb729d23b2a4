// Records how a local store changes its folder, and tells what a power cut could leave after any
// prefix of the record. Two disks bound what real ones do:
//
// - the eager one keeps every name at once and no byte that was not synced;
// - the lazy one keeps nothing, names or bytes, that was not synced.

import { linkSync, mkdirSync, renameSync, rmdirSync, unlinkSync } from 'node:fs'
import type { Bytes } from '../../src/base/bytes.ts'
import { concat } from '../../src/base/bytes.ts'
import { type FolderCalls, type NewFile, systemCalls } from '../../src/store/local/folder-calls.ts'

export type RecordedCall =
  | {
      readonly call: 'makeFolder' | 'removeFolder' | 'unlink' | 'createFile'
      readonly path: string
    }
  /** A syncFolder promises what was there when it began. */
  | { readonly call: 'syncFolderBegin' | 'syncFolder'; readonly path: string; readonly id: number }
  | { readonly call: 'write'; readonly path: string; readonly bytes: Bytes }
  | { readonly call: 'syncFile'; readonly path: string }
  | { readonly call: 'link' | 'rename'; readonly from: string; readonly path: string }
  /** Not a call: the put of this object returned to its caller. */
  | { readonly call: 'returned'; readonly path: string }
  /** Not a call: the removal of this object returned to its caller. */
  | { readonly call: 'removed'; readonly path: string }

export interface RecordOptions {
  /** False: as on a file system that has no link(2). */
  readonly links?: boolean
}

/**
 * The real calls, each recorded when it has succeeded. Those that change names take effect in this
 * thread: else another call could see what one has done before it is in the record.
 */
export function recordCalls(record: RecordedCall[], options: RecordOptions = {}): FolderCalls {
  const { links = true } = options
  const atOnce = (call: RecordedCall, act: () => void) =>
    new Promise<void>((resolve) => {
      act()
      record.push(call)
      resolve()
    })
  return {
    promisesLinks: () => links,
    makeFolder: (path) => atOnce({ call: 'makeFolder', path }, () => mkdirSync(path, 0o700)),
    removeFolder: (path) => atOnce({ call: 'removeFolder', path }, () => rmdirSync(path)),
    unlink: (path) => atOnce({ call: 'unlink', path }, () => unlinkSync(path)),
    link: (from, path) =>
      atOnce({ call: 'link', from, path }, () => {
        if (!links) throw Object.assign(new Error('no links here'), { code: 'EPERM' })
        linkSync(from, path)
      }),
    rename: (from, path) => atOnce({ call: 'rename', from, path }, () => renameSync(from, path)),
    syncFolder: async (path) => {
      const id = record.length
      record.push({ call: 'syncFolderBegin', path, id })
      await systemCalls.syncFolder(path)
      record.push({ call: 'syncFolder', path, id })
    },
    createFile: async (path) => {
      const file = await systemCalls.createFile(path)
      record.push({ call: 'createFile', path })
      return recordedFile(file, { path, record })
    },
  }
}

function recordedFile(
  file: NewFile,
  { path, record }: { path: string; record: RecordedCall[] },
): NewFile {
  return {
    write: async (parts) => {
      await file.write(parts)
      record.push({ call: 'write', path, bytes: concat(parts) })
    },
    sync: async () => {
      await file.sync()
      record.push({ call: 'syncFile', path })
    },
    close: () => file.close(),
  }
}

interface Inode {
  written: Bytes
  synced: Bytes
}

const NOTHING = new Uint8Array(0)

/** A disk in memory to which recorded calls are done again. */
class ReplayedDisk {
  readonly #names = new Map<string, Inode | 'folder'>()
  /** What syncFolder has made safe, by folder. */
  readonly #safe = new Map<string, Map<string, Inode | 'folder'>>()
  readonly #safeSince = new Map<string, number>()
  /** What syncFolders that have begun will make safe, by their id. */
  readonly #syncing = new Map<number, Map<string, Inode | 'folder'>>()
  readonly #root: string

  /** `root` is there and safe before the record begins. */
  constructor(root: string) {
    this.#root = root
  }

  apply(call: RecordedCall): void {
    switch (call.call) {
      case 'makeFolder':
        this.#names.set(call.path, 'folder')
        break
      case 'createFile':
        this.#names.set(call.path, { written: NOTHING, synced: NOTHING })
        break
      case 'write': {
        const inode = this.#file(call.path)
        inode.written = concat([inode.written, call.bytes])
        break
      }
      case 'syncFile': {
        const inode = this.#file(call.path)
        inode.synced = inode.written
        break
      }
      case 'link':
      case 'rename':
        this.#names.set(call.path, this.#file(call.from))
        if (call.call === 'rename') this.#names.delete(call.from)
        break
      case 'unlink':
      case 'removeFolder':
        this.#names.delete(call.path)
        break
      case 'syncFolderBegin':
        this.#syncing.set(call.id, new Map(this.#entriesOf(call.path)))
        break
      case 'syncFolder':
        this.#makeSafe(call.path, call.id)
        break
      case 'returned':
      case 'removed':
    }
  }

  eager(): Map<string, Bytes> {
    const files = [...this.#names].filter(([, inode]) => inode !== 'folder')
    return new Map(files.map(([path, inode]) => [path, (inode as Inode).synced]))
  }

  lazy(folder = this.#root, files = new Map<string, Bytes>()): Map<string, Bytes> {
    for (const [path, inode] of this.#safe.get(folder) ?? []) {
      if (inode === 'folder') this.lazy(path, files)
      else files.set(path, inode.synced)
    }
    return files
  }

  /** Of two syncs of one folder at once, the one that began first may end last. */
  #makeSafe(folder: string, id: number): void {
    const entries = this.#syncing.get(id)
    if (entries === undefined || id < (this.#safeSince.get(folder) ?? 0)) return
    this.#safe.set(folder, entries)
    this.#safeSince.set(folder, id)
  }

  #file(path: string): Inode {
    const inode = this.#names.get(path)
    if (inode === undefined || inode === 'folder') throw new Error(`no file at ${path}`)
    return inode
  }

  #entriesOf(folder: string): [string, Inode | 'folder'][] {
    return [...this.#names].filter(([path]) => path.slice(0, path.lastIndexOf('/')) === folder)
  }
}

export interface AfterPowerCut {
  /** Files by path, as the eager and as the lazy disk have them. */
  readonly eager: ReadonlyMap<string, Bytes>
  readonly lazy: ReadonlyMap<string, Bytes>
  /** Objects whose put had returned, less those whose removal had begun. */
  readonly promised: ReadonlySet<string>
  /** Objects whose removal had returned. */
  readonly removed: ReadonlySet<string>
}

/** What a power cut leaves after each prefix of the record, from none of it to all. */
export function* powerCuts(
  record: readonly RecordedCall[],
  root: string,
): Generator<AfterPowerCut> {
  const disk = new ReplayedDisk(root)
  const promised = new Set<string>()
  const removed = new Set<string>()
  yield { eager: disk.eager(), lazy: disk.lazy(), promised, removed }
  for (const call of record) {
    disk.apply(call)
    if (call.call === 'returned') promised.add(call.path)
    if (call.call === 'unlink') promised.delete(call.path)
    if (call.call === 'removed') removed.add(call.path)
    yield { eager: disk.eager(), lazy: disk.lazy(), promised, removed }
  }
}
