// Where objects are written before they have their name: tmp/ in the repository folder, because
// only within one file system can a whole file appear under a name at once. What a crash leaves
// there costs space and nothing else; it is removed when it is a day old.

import { lstatSync } from 'node:fs'
import { opendir } from 'node:fs/promises'
import type { Bytes } from '../../base/bytes.ts'
import type { Clock } from '../../base/clock.ts'
import type { FolderCalls, NewFile } from './folder-calls.ts'
import { errnoOf } from './folder-errors.ts'

export const TEMPORARY_FOLDER = 'tmp'
const STALE_AFTER_MS = 24 * 60 * 60 * 1000
const OURS = /^[0-9a-z]+-[0-9]+-[0-9]+$/
const NAMES_TRIED_MAX = 1000

export interface TemporaryFilesOptions {
  /** Absolute path of the repository folder. */
  readonly root: string
  readonly calls: FolderCalls
  readonly clock: Clock
}

export class TemporaryFiles {
  readonly #options: TemporaryFilesOptions
  readonly #stem: string
  #count = 0

  constructor(options: TemporaryFilesOptions) {
    this.#options = options
    this.#stem = `${options.clock.nowMs().toString(36)}-${process.pid}`
  }

  /** Writes a whole file and syncs it; returns its path. Leaves nothing where it fails. */
  async write(parts: readonly Bytes[]): Promise<string> {
    const { path, file } = await this.#create()
    try {
      try {
        await file.write(parts)
        await file.sync()
      } finally {
        await file.close()
      }
    } catch (error) {
      await this.discard(path)
      throw error
    }
    return path
  }

  /** Removes a temporary file as well as it can: what stays is found when it is stale. */
  async discard(path: string): Promise<void> {
    await this.#options.calls.unlink(path).catch(() => undefined)
  }

  /** Removes what crashed processes left, as well as it can. */
  async removeStale(): Promise<void> {
    const folder = `${this.#options.root}/${TEMPORARY_FOLDER}`
    const before = this.#options.clock.nowMs() - STALE_AFTER_MS
    for await (const { name } of await opendir(folder)) {
      const path = `${folder}/${name}`
      const stat = OURS.test(name) ? lstatSync(path, { throwIfNoEntry: false }) : undefined
      if (stat?.isFile() === true && stat.mtimeMs < before) await this.discard(path)
    }
  }

  /** The name is only likely to be new (threads and hosts may share it): creating it decides. */
  async #create(): Promise<{ path: string; file: NewFile }> {
    for (let tried = 0; ; tried++) {
      const path = `${this.#options.root}/${TEMPORARY_FOLDER}/${this.#stem}-${this.#count++}`
      try {
        return { path, file: await this.#options.calls.createFile(path) }
      } catch (error) {
        if (errnoOf(error) !== 'EEXIST' || tried === NAMES_TRIED_MAX) throw error
      }
    }
  }
}
