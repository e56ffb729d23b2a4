// The reserve of a local repository (docs/format.md, section 2): the file `reserve` beside its folders, whose
// bytes no file system can compress, so that the disk really has them. Its name is none of an object: listings
// pass it over, and whoever needs the space may delete it. It appears as a whole, as objects do.

import { lstatSync } from 'node:fs'
import type { Bytes } from '../../base/bytes.ts'
import { seededRandom } from '../seeded-random.ts'
import type { Reserve } from '../store.ts'
import type { FolderCalls } from './folder-calls.ts'
import { errnoOf, isFull, writeError } from './folder-errors.ts'
import type { TemporaryFiles } from './temporary-files.ts'

const RESERVE_FILE = 'reserve'

const MEBI = 1024 ** 2
/**
 * Enough for the records, marks, leases and index segments that deleting takes. Where there is less room as much
 * of it as there is: what one command has not used up must be there for the next.
 */
const SIZES = [4 * MEBI, 2 * MEBI, MEBI, MEBI / 2]

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
    try {
      const stat = lstatSync(this.#path, { throwIfNoEntry: false })
      // Something else has the name: it is left alone.
      if (stat !== undefined && !stat.isFile()) return
      const larger = SIZES.filter((size) => size > (stat?.size ?? 0))
      for (const size of larger) {
        const isLast = stat === undefined && size === larger.at(-1)
        if (await this.#make(size, { orThrow: isLast })) return
      }
    } catch (error) {
      throw this.#failure('make', error)
    }
  }

  /** False where there is no room for so much. Of two that make it at the same time the last one's stays. */
  async #make(size: number, { orThrow }: { readonly orThrow: boolean }): Promise<boolean> {
    const { root, calls, temporary, prepare } = this.#options
    try {
      await prepare()
      const path = await temporary.write([incompressible(size)])
      await calls.rename(path, this.#path)
      await calls.syncFolder(root)
      return true
    } catch (error) {
      if (orThrow || !isFull(error)) throw error
      return false
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
