// A repository in a local folder: one file per object, under the object's name.
//
// put: write tmp/<new>, fsync it, link it to its name (which never replaces), fsync the folder. A
// crash between any two instructions leaves the object absent or whole, and when put returns a
// power cut does too. Files have mode 0600 and folders 0700, less the umask.
//
// The folder of a lease goes with the last lease in it: sessions come and go, and each has its own. Other
// folders stay.
//
// Links are not followed, save for the repository folder itself: a link, device or folder in the
// place of an object is not an object: list and stat leave it out, get calls it damaged, put
// refuses. This guards against accidents; who may write into the folder at the same time can still
// swap its folders under us.

import { lstatSync } from 'node:fs'
import { resolve as absolute, dirname } from 'node:path'
import type { Bytes } from '../../base/bytes.ts'
import type { Clock } from '../../base/clock.ts'
import { assertListPrefix, assertObjectName, folderOf, foldersOf } from '../names.ts'
import type {
  ByteRange,
  ObjectInfo,
  PutResult,
  Reserve,
  Store,
  StoreCapabilities,
} from '../store.ts'
import { type FolderCalls, systemCalls } from './folder-calls.ts'
import { errnoOf, readError, writeError } from './folder-errors.ts'
import { infoOf, listObjects } from './list-objects.ts'
import { ObjectReader } from './read-object.ts'
import { RepositoryFolders } from './repository-folders.ts'
import { LocalReserve } from './reserve.ts'
import { TEMPORARY_FOLDER, TemporaryFiles } from './temporary-files.ts'

export interface LocalStoreOptions {
  /** The repository folder; relative to the working directory or absolute. */
  readonly path: string
  readonly clock: Clock
  /**
   * For `init` only: a folder that is missing is an empty store and the first put makes it. Without
   * it a missing folder is 'no-repository', so that an unmounted disk is never taken for empty.
   */
  readonly create?: boolean
  /** How the folder is changed; tests record it. */
  readonly calls?: FolderCalls
}

export function openLocal(options: LocalStoreOptions): Store {
  return new LocalStore(options)
}

/** What link(2) says where the file system has no links (EPERM on FAT). */
const NO_LINKS = new Set(['EPERM', 'ENOSYS', 'EOPNOTSUPP', 'ENOTSUP', 'EMLINK'])

/** How often a lease is put again whose folder went meanwhile. */
const LEASE_ATTEMPTS = 20

class LocalStore implements Store {
  readonly address: string
  readonly capabilities: StoreCapabilities
  readonly reserve: Reserve
  readonly #calls: FolderCalls
  readonly #folders: RepositoryFolders
  readonly #reader: ObjectReader
  readonly #temporary: TemporaryFiles
  #prepared: Promise<void> | undefined

  constructor({ path, clock, create = false, calls = systemCalls }: LocalStoreOptions) {
    const root = absolute(path)
    this.address = root
    this.capabilities = { conditionalPut: calls.promisesLinks(root), strongListing: true }
    this.#calls = calls
    this.#reader = new ObjectReader(clock)
    this.#folders = new RepositoryFolders({ root, calls, create })
    this.#temporary = new TemporaryFiles({ root, calls, clock })
    const prepare = () => this.#prepare()
    this.reserve = new LocalReserve({ root, calls, temporary: this.#temporary, prepare })
  }

  async put(name: string, parts: readonly Bytes[]): Promise<PutResult> {
    assertObjectName(name)
    try {
      await this.#prepare()
      return isLease(name) ? await this.#putLease(name, parts) : await this.#putOne(name, parts)
    } catch (error) {
      this.#forget()
      throw writeError(error, { action: 'write', address: this.address, name })
    }
  }

  async get(name: string, range?: ByteRange): Promise<Bytes> {
    assertObjectName(name)
    try {
      this.#folders.check(name)
      return await this.#reader.read({ path: this.#path(name), address: this.address, name }, range)
    } catch (error) {
      throw this.#readError(error, name)
    }
  }

  async *list(prefix: string): AsyncIterable<ObjectInfo> {
    assertListPrefix(prefix)
    try {
      this.#folders.requireRoot()
      yield* listObjects(this.address, prefix)
    } catch (error) {
      throw readError(error, { action: 'list', address: this.address, name: prefix })
    }
  }

  stat(name: string): Promise<ObjectInfo | undefined> {
    return new Promise((resolve) => {
      resolve(this.#stat(name))
    })
  }

  async remove(name: string): Promise<void> {
    assertObjectName(name)
    try {
      this.#folders.check(name)
      await this.#unlink(name)
      if (isLease(name)) await this.#removeIfEmpty(folderOf(name))
    } catch (error) {
      throw writeError(error, { action: 'remove', address: this.address, name })
    }
  }

  async close(): Promise<void> {}

  #stat(name: string): ObjectInfo | undefined {
    assertObjectName(name)
    try {
      this.#folders.check(name)
      const info = infoOf(this.address, name)
      if (info === undefined) this.#folders.requireRoot()
      return info
    } catch (error) {
      throw this.#readError(error, name)
    }
  }

  #path(name: string): string {
    return `${this.address}/${name}`
  }

  /** Once per process: the folder for temporary files, and what crashes have left in it. */
  #prepare(): Promise<void> {
    this.#prepared ??= this.#folders
      .make([TEMPORARY_FOLDER])
      .then(() => this.#temporary.removeStale())
    return this.#prepared
  }

  async #putOne(name: string, parts: readonly Bytes[]): Promise<PutResult> {
    await this.#folders.make(foldersOf(name))
    const path = this.#path(name)
    const result = fileStands(path) ? 'exists' : await this.#create(path, parts)
    // Also where it existed: another process may have linked it a moment ago.
    await this.#calls.syncFolder(this.#path(folderOf(name)))
    return result
  }

  /** The folder may go at any moment, with the last lease in it, and is made again. */
  async #putLease(name: string, parts: readonly Bytes[]): Promise<PutResult> {
    for (let attempt = 1; ; attempt++) {
      this.#folders.forgetFolder(folderOf(name))
      try {
        return await this.#putOne(name, parts)
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT' || attempt === LEASE_ATTEMPTS) throw error
      }
    }
  }

  #forget(): void {
    this.#prepared = undefined
    this.#folders.forget()
  }

  async #create(path: string, parts: readonly Bytes[]): Promise<PutResult> {
    const temporary = await this.#temporary.write(parts)
    try {
      return await this.#appear(temporary, path)
    } finally {
      await this.#temporary.discard(temporary)
    }
  }

  /** Gives a whole and synced file its name, never replacing. */
  async #appear(temporary: string, path: string): Promise<PutResult> {
    try {
      await this.#calls.link(temporary, path)
      return 'created'
    } catch (error) {
      const errno = errnoOf(error) ?? ''
      if (errno === 'EEXIST') return linkedBefore(temporary, path) ? 'created' : 'exists'
      // Where links were promised, a put that may replace would break the promise.
      if (this.capabilities.conditionalPut || !NO_LINKS.has(errno)) throw error
      return this.#rename(temporary, path)
    }
  }

  /** Two that put the same name at the same time may both get 'created'; the last one stays. */
  async #rename(temporary: string, path: string): Promise<PutResult> {
    if (fileStands(path)) return 'exists'
    await this.#calls.rename(temporary, path)
    return 'created'
  }

  async #unlink(name: string): Promise<void> {
    try {
      await this.#calls.unlink(this.#path(name))
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error
      this.#folders.requireRoot()
      return
    }
    await this.#syncRemoval(name)
  }

  async #syncRemoval(name: string): Promise<void> {
    const folder = this.#path(folderOf(name))
    try {
      await this.#calls.syncFolder(folder)
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT' || !isLease(name)) throw error
      // Another process has taken the folder away: what was in it is gone when that is.
      await this.#calls.syncFolder(dirname(folder))
    }
  }

  /** Every session has a folder of its own, which would stay for ever. Whatever hinders that harms nothing. */
  async #removeIfEmpty(folder: string): Promise<void> {
    this.#folders.forgetFolder(folder)
    await this.#calls.removeFolder(this.#path(folder)).catch(() => undefined)
  }

  #readError(error: unknown, name: string): Error {
    try {
      if (errnoOf(error) === 'ENOENT') this.#folders.requireRoot()
    } catch (noRoot) {
      return readError(noRoot, { action: 'read', address: this.address, name })
    }
    return readError(error, { action: 'read', address: this.address, name })
  }
}

function isLease(name: string): boolean {
  return name.startsWith('leases/')
}

/** True where a file has this name; throws where something else has. */
function fileStands(path: string): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (stat === undefined) return false
  if (stat.isFile()) return true
  throw Object.assign(new Error(`${path} is not a file`), { code: 'ELOOP' })
}

/** On NFS a link that was made can be answered with EEXIST, when its first reply was lost. */
function linkedBefore(temporary: string, path: string): boolean {
  if (!fileStands(path)) return false
  return lstatSync(temporary).ino === lstatSync(path).ino
}
