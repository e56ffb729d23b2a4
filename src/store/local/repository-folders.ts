// The folders of a local repository. A folder counts as there only when its name in its parent
// survives a power cut, also where another process made it a moment ago: so each is synced once per
// process before anything is put into it. None but the repository folder itself may be a link.

import { lstatSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { foldersOf } from '../names.ts'
import type { FolderCalls } from './folder-calls.ts'
import { errnoOf, makesNoFolders, noFolder } from './folder-errors.ts'

export interface RepositoryFoldersOptions {
  /** Absolute path of the repository folder. */
  readonly root: string
  readonly calls: FolderCalls
  /** Make the repository folder where it is missing; else that is an error. */
  readonly create: boolean
}

export class RepositoryFolders {
  readonly #options: RepositoryFoldersOptions
  readonly #made = new Map<string, Promise<void>>()
  readonly #checked = new Set<string>()

  constructor(options: RepositoryFoldersOptions) {
    this.#options = options
  }

  /** Makes the folders, outermost first, each to survive a power cut. */
  async make(folders: readonly string[]): Promise<void> {
    await this.#once('', () => this.#makeRoot())
    for (const folder of folders)
      await this.#once(folder, () => this.#makeFolder(this.#path(folder)))
  }

  /** Forgets what was made: after an error somebody may have removed or unmounted it. */
  forget(): void {
    this.#made.clear()
    this.#checked.clear()
  }

  /** The same for one folder. */
  forgetFolder(folder: string): void {
    this.#made.delete(folder)
    this.#checked.delete(folder)
  }

  /** Throws ELOOP where a folder of this object is not a folder. Absent ones are fine. */
  check(name: string): void {
    for (const folder of foldersOf(name)) {
      if (this.#checked.has(folder)) continue
      const stat = lstatSync(this.#path(folder), { throwIfNoEntry: false })
      if (stat === undefined) return
      if (!stat.isDirectory()) throw notAFolder(folder)
      this.#checked.add(folder)
    }
  }

  /** Throws 'no-repository' where the repository folder is not there and is not to be made. */
  requireRoot(): void {
    if (!this.#options.create && !this.#rootIsThere()) throw noFolder(this.#options.root)
  }

  #path(folder: string): string {
    return `${this.#options.root}/${folder}`
  }

  async #once(folder: string, make: () => Promise<void>): Promise<void> {
    const made = this.#made.get(folder) ?? make()
    this.#made.set(folder, made)
    try {
      await made
    } catch (error) {
      this.#made.delete(folder)
      throw error
    }
  }

  #rootIsThere(): boolean {
    return statSync(this.#options.root, { throwIfNoEntry: false })?.isDirectory() === true
  }

  async #makeRoot(): Promise<void> {
    this.requireRoot()
    if (!this.#rootIsThere()) await this.#makeWithParents(this.#options.root)
  }

  async #makeWithParents(path: string): Promise<void> {
    const parent = dirname(path)
    if (statSync(parent, { throwIfNoEntry: false }) === undefined) {
      await this.#makeWithParents(parent)
    }
    try {
      await this.#makeFolder(path)
    } catch (error) {
      // Those above are there.
      throw errnoOf(error) === 'ENOENT' ? makesNoFolders(path, error) : error
    }
  }

  async #makeFolder(path: string): Promise<void> {
    const { calls } = this.#options
    try {
      await calls.makeFolder(path)
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error
      if (!lstatSync(path).isDirectory()) throw notAFolder(path)
    }
    await calls.syncFolder(dirname(path))
  }
}

function notAFolder(path: string): Error {
  return Object.assign(new Error(`${path} is not a folder`), { code: 'ELOOP' })
}
