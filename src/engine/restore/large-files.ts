// Files that take more than one blob, while they are open: their pieces go into windows, and when the last
// one is there and the CRC-32 of the whole is right, they are put in place. What is not whole when a run ends
// is not left under the name of the file: what could be had of it stands beside it, under a name that says
// so.

import { type Bytes, concat, utf8 } from '../../base/bytes.ts'
import { libc, type Result } from '../../base/libc.ts'
import { errnoMessage } from '../../base/libc-error.ts'
import type { Entry, Extent, Piece } from '../../format/tree.ts'
import type { Index } from '../../repository/index-load.ts'
import { PendingFile } from '../../target/files/pending-file.ts'
import type { TargetFolder } from '../../target/files/target-folder.ts'
import type { Attributes } from './attributes.ts'
import { notFatal } from './fatal.ts'
import { attributeText, modeAtOnce } from './metadata-of.ts'
import { OpenRestore, type Stretch } from './open-restore.ts'
import { RunSplitter } from './run-splitter.ts'
import type { Window } from './window.ts'

const INCOMPLETE = utf8('.cairn-incomplete')
/** As most file systems have it. */
const NAME_BYTES = 255

export interface LargeFile {
  readonly entry: Entry
  readonly folder: readonly Bytes[]
  readonly replaces: boolean
  readonly extents: readonly Extent[] | undefined
}

export interface LargeFilesOptions {
  readonly target: TargetFolder
  readonly index: Index
  readonly attributes: Attributes
  readonly onProblem: (names: readonly Bytes[], what: string, kind?: 'attributes') => void
  /** Told of each that could not be restored. */
  readonly onFailed: (entry: Entry) => void
}

/** A file whose pieces are being added. */
export interface Adding {
  readonly file: OpenRestore
  readonly splitter: RunSplitter
}

export class LargeFiles {
  readonly #options: LargeFilesOptions
  readonly #unfinished = new Set<OpenRestore>()

  constructor(options: LargeFilesOptions) {
    this.#options = options
  }

  /** Creates it, with its whole length; undefined where that cannot be, which is reported. */
  open({ entry, folder, replaces, extents }: LargeFile): Adding | undefined {
    const { size } = entry
    const splitter = new RunSplitter({ size: Number(size), extents })
    if (typeof size !== 'number')
      return this.#cannotOpen(entry, folder, 'it is longer than this system can write')
    const pending = this.#create(entry, folder)
    if (typeof pending === 'number')
      return this.#cannotOpen(entry, folder, `cannot create it: ${errnoMessage(-pending)}`)
    const file = new OpenRestore({ pending, entry, size, folder, replaces })
    this.#unfinished.add(file)
    const resized = notFatal(libc().ftruncate(pending.fd, size))
    if (resized >= 0) return { file, splitter }
    this.#drop(file)
    return this.#cannotOpen(entry, folder, `cannot make it so long: ${errnoMessage(-resized)}`)
  }

  #create(entry: Entry, folder: readonly Bytes[]): PendingFile | Result {
    const { target } = this.#options
    const dirFd = notFatal(target.openDirectory(folder))
    if (dirFd < 0) return dirFd
    const pending = PendingFile.create(target, dirFd, modeAtOnce(entry))
    return typeof pending === 'number' ? notFatal(pending) : pending
  }

  #cannotOpen(entry: Entry, folder: readonly Bytes[], what: string): Adding | undefined {
    this.#options.onProblem([...folder, entry.name], what)
    this.#options.onFailed(entry)
    return undefined
  }

  /** Adds the next pieces to a window. False where the rest of the file makes no sense. */
  add({ file, splitter }: Adding, pieces: readonly Piece[], window: Window): boolean {
    const { index } = this.#options
    for (const piece of pieces) {
      const runs = splitter.take(piece)
      if (runs === undefined) {
        file.fail('its pieces do not make up its size')
        return false
      }
      const place = file.expect(runs)
      const location = index.image.locate(piece.id)
      if (location === undefined) file.arrived(place.stretch, 'some of its content is in no pack')
      else window.addPart({ ...location, ...piece, ...place, runs })
    }
    return true
  }

  /** All pieces were added, or why there are no more. */
  complete({ file, splitter }: Adding, problem?: string): void {
    if (problem !== undefined) file.fail(problem)
    else if (splitter.left > 0) file.fail('its pieces do not make up its size')
    file.complete()
    if (file.isDone) this.#finish(file)
  }

  /** A piece was written, or could not be. */
  arrived(stretch: Stretch, problem: string | undefined): void {
    const { file } = stretch
    file.arrived(stretch, problem)
    if (file.isDone) this.#finish(file)
  }

  /** After an end before the end, when no worker writes any more: what is not finished is taken away. */
  dropUnfinished(): void {
    for (const file of this.#unfinished) this.#drop(file)
  }

  #drop(file: OpenRestore): void {
    file.pending.close(this.#options.target.openDirectory(file.folder))
    this.#unfinished.delete(file)
  }

  #finish(file: OpenRestore): void {
    const { entry, folder } = file
    const { onProblem, onFailed } = this.#options
    if (file.problem === undefined && file.crc32 !== entry.crc32)
      file.fail('its CRC-32 is not the one that was recorded')
    if (file.problem === undefined) this.#applyAttributes(file)
    if (file.problem === undefined) this.#putInPlace(file)
    const kept = file.problem === undefined ? undefined : this.#keepIncomplete(file)
    this.#drop(file)
    if (file.problem === undefined) return
    const rest = kept === undefined ? '' : `; what could be read of it is in ${kept}`
    onProblem([...folder, entry.name], `${file.problem}${rest}`)
    onFailed(entry)
  }

  #applyAttributes({ pending, entry, folder }: OpenRestore): void {
    const problems = this.#options.attributes.apply(pending.fd, entry)
    if (problems.length > 0)
      this.#options.onProblem([...folder, entry.name], attributeText(problems), 'attributes')
  }

  #putInPlace(file: OpenRestore): void {
    const { pending, entry, folder, replaces } = file
    const place = { dirFd: this.#options.target.openDirectory(folder), name: entry.name }
    const result = replaces ? pending.replace(place) : pending.place(place)
    if (result < 0) file.fail(`cannot put it in place: ${errnoMessage(-result)}`)
  }

  /** Gives what there is of a file a name of its own, which nothing else has. */
  #keepIncomplete({ pending, entry, folder, hasContent }: OpenRestore): string | undefined {
    const name = concat([entry.name.subarray(0, NAME_BYTES - INCOMPLETE.length), INCOMPLETE])
    const dirFd = this.#options.target.openDirectory(folder)
    const isKept = hasContent && pending.place({ dirFd, name }) === 0
    return isKept ? Buffer.from(name).toString() : undefined
  }
}
