// The reserve of a local repository (docs/format.md, section 2): the file `reserve` beside its folders, whose
// bytes no file system can compress, so that the disk really has them. Its name is none of an object: listings
// pass it over, and whoever needs the space may delete it. It appears as a whole, as objects do.

import { lstatSync } from 'node:fs'
import type { Bytes } from '../../base/bytes.ts'
import { seededRandom } from '../seeded-random.ts'
import type { Reserve } from '../store.ts'
import type { FolderCalls } from './folder-calls.ts'
import { errnoOf, writeError } from './folder-errors.ts'
import type { TemporaryFiles } from './temporary-files.ts'

export const RESERVE_FILE = 'reserve'

/** Enough for the records, marks, leases and index segments that deleting takes. */
const RESERVE_BYTES = 4 * 1024 * 1024

export interface LocalReserveOptions {
  /** Absolute path of the repository folder. */
  readonly root: string
  readonly calls: FolderCalls
  readonly temporary: TemporaryFiles
  /** Makes the folder for temporary files. */
  readonly prepare: () => Promise<void>
}

export class LocalReserve implements Reserve {
  readonly #options: LocalReserveOptions

  constructor(options: LocalReserveOptions) {
    this.#options = options
  }

  async keep(): Promise<void> {
    const { root, calls, temporary, prepare } = this.#options
    try {
      const stat = lstatSync(this.#path, { throwIfNoEntry: false })
      // Something else has the name: it is left alone.
      if (stat !== undefined) return
      await prepare()
      const path = await temporary.write([incompressible(RESERVE_BYTES)])
      // Of two that make it at the same time the last one's stays.
      await calls.rename(path, this.#path)
      await calls.syncFolder(root)
    } catch (error) {
      throw this.#failure('make', error)
    }
  }

  async release(): Promise<boolean> {
    const { root, calls } = this.#options
    try {
      if (lstatSync(this.#path, { throwIfNoEntry: false })?.isFile() !== true) return false
      await calls.unlink(this.#path)
      // Some file systems give out what was freed only when this is written down.
      await calls.syncFolder(root)
      return true
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false
      throw this.#failure('remove', error)
    }
  }

  get #path(): string {
    return `${this.#options.root}/${RESERVE_FILE}`
  }

  #failure(action: string, error: unknown): Error {
    return writeError(error, { action, address: this.#options.root, name: RESERVE_FILE })
  }
}

/** Nothing depends on what they are. */
function incompressible(length: number): Bytes {
  const random = seededRandom(length)
  const words = new Uint32Array(length / 4).map(() => random() * 2 ** 32)
  return new Uint8Array(words.buffer)
}
