// Restores entries one by one: makes folders, links and devices at once, and collects the content of files
// in windows that the workers write.

import type { Bytes } from '../../base/bytes.ts'
import { assert, CairnError, isCairnError, messageOf } from '../../base/errors.ts'
import { libc } from '../../base/libc.ts'
import { Errno, errnoMessage } from '../../base/libc-error.ts'
import { StatBuffer } from '../../base/libc-stat.ts'
import type { Entry, Extent, Piece } from '../../format/tree.ts'
import type { Index } from '../../repository/index-load.ts'
import { WITHHELD } from '../../repository/object-problem.ts'
import type { TargetFolder } from '../../target/files/target-folder.ts'
import { temporaryName } from '../../target/files/temporary-name.ts'
import type { BlobReader } from '../blob-reader.ts'
import { joinPathBelow } from '../paths.ts'
import { fileKeyOf } from '../same-file.ts'
import { extentsOf, pieceRunsOf } from '../tree-reader.ts'
import { Attributes } from './attributes.ts'
import { noCounts } from './counts.ts'
import { decide, type OverwritePolicy } from './existing.ts'
import { cannotGoOn, notFatal } from './fatal.ts'
import { type Adding, LargeFiles } from './large-files.ts'
import type { WireFailure } from './messages.ts'
import { attributeText } from './metadata-of.ts'
import type { RestoreProblem } from './problem.ts'
import { type Part, type PlannedRange, Window } from './window.ts'
import type { RangeOutcome } from './write-pool.ts'

export interface RestorerOptions {
  readonly target: TargetFolder
  readonly reader: BlobReader
  readonly index: Index
  readonly owners: 'numbers' | 'names' | 'keep'
  readonly overwrite: OverwritePolicy
  readonly signal: AbortSignal
  readonly onProblem: (problem: RestoreProblem) => void
  /** Lets the window be written that is full, and begins a new one. */
  readonly flush: () => Promise<void>
}

/** A folder of the target while the restore is in it. */
export interface TargetPlace {
  readonly path: readonly Bytes[]
  readonly entry: Entry | undefined
  readonly parent: TargetPlace | undefined
  /** unmade: nothing was needed in it yet. new: made by us, so nothing stands in the way. */
  state: 'unmade' | 'new' | 'existing' | 'failed'
}

export class Restorer {
  readonly #options: RestorerOptions
  readonly #stat = new StatBuffer()
  readonly #firstStat = new StatBuffer()
  readonly #attributes: Attributes
  /** Where the first name of a file with several was put. */
  readonly #links = new Map<string, { readonly folder: readonly Bytes[]; readonly name: Bytes }>()
  readonly counts = noCounts()
  readonly #large: LargeFiles
  #window: Window

  constructor(options: RestorerOptions) {
    this.#options = options
    const { owners } = options
    this.#window = new Window({ owners, isFirst: true })
    this.#attributes = new Attributes(owners)
    this.#large = new LargeFiles({
      ...options,
      attributes: this.#attributes,
      onProblem: (names, what, kind) => this.problem(names, what, kind),
      onFailed: (entry) => this.#forget(entry),
    })
  }

  get window(): Window {
    return this.#window
  }

  /** Begins a new window; the one so far is to be written. */
  takeWindow(): Window {
    const window = this.#window
    this.#window = new Window({ owners: this.#options.owners, isFirst: false })
    return window
  }

  problem(names: readonly Bytes[], what: string, kind: RestoreProblem['kind'] = 'content'): void {
    this.counts.problems++
    this.#options.onProblem({ path: joinPathBelow(names), what, kind })
  }

  /** Makes sure that a folder is there. False where it cannot be; that was reported. */
  ensure(place: TargetPlace): boolean {
    if (place.state !== 'unmade') return place.state !== 'failed'
    const { parent, path } = place
    const name = path.at(-1)
    if (parent === undefined || name === undefined || !this.ensure(parent)) {
      place.state = 'failed'
      return false
    }
    const { target } = this.#options
    const dirFd = this.#openFolder(parent.path)
    const result = dirFd < 0 ? dirFd : notFatal(target.makeDirectory(dirFd, name))
    if (result === 0) place.state = 'new'
    else if (result === -Errno.EEXIST && this.#takeExisting(place)) place.state = 'existing'
    else {
      place.state = 'failed'
      this.problem(path, `cannot make the folder: ${errnoMessage(-result)}`)
    }
    return place.state !== 'failed'
  }

  /** A folder that is there already; a link to one is not followed but, as anything else, replaced. */
  #takeExisting({ parent, path }: TargetPlace): boolean {
    const { target, overwrite } = this.#options
    if (this.#openFolder(path) >= 0) return true
    if (overwrite === 'never' || parent === undefined) return false
    const dirFd = this.#openFolder(parent.path)
    const name = path.at(-1) as Bytes
    return target.removeEntry(dirFd, name) === 0 && target.makeDirectory(dirFd, name) === 0
  }

  /**
   * After the window's content: a folder's own attributes, when nothing more will be put into it. With
   * `never` one that was there before keeps those it has.
   */
  closeFolder(place: TargetPlace): void {
    const { entry } = place
    const { overwrite } = this.#options
    if (entry === undefined || place.state === 'unmade' || place.state === 'failed') return
    if (place.state === 'existing' && overwrite === 'never') {
      // The target itself is nothing that was looked for.
      if (place.parent !== undefined) this.counts.skipped++
      return
    }
    this.counts.folders++
    this.#window.afterwards.push(() => {
      const fd = this.#openFolder(place.path)
      if (fd < 0) return this.problem(place.path, `cannot open the folder: ${errnoMessage(-fd)}`)
      this.#apply(fd, entry, place.path)
    })
  }

  /** Restores anything but a folder. Returns a promise only where there is something to wait for. */
  restoreEntry(place: TargetPlace, entry: Entry): Promise<void> | undefined {
    if (!this.ensure(place)) return undefined
    const replaces = this.#isInTheWay(place, entry)
    if (replaces === undefined) return undefined
    const first = this.#linkedTo(place, entry)
    if (first !== undefined) this.#linkLater(first, { place, entry, replaces })
    else if (entry.type === 'file') return this.#restoreFile(place, { entry, replaces })
    else this.#makeOther(place, { entry, replaces, names: [...place.path, entry.name] })
    return undefined
  }

  /** Whether something is to be replaced; undefined where the entry is done with already. */
  #isInTheWay(place: TargetPlace, entry: Entry): boolean | undefined {
    if (place.state === 'new') return false
    const { target, overwrite } = this.#options
    const dirFd = this.#openFolder(place.path)
    const result = dirFd < 0 ? dirFd : target.statEntry(dirFd, entry.name, this.#stat)
    if (result === -Errno.ENOENT) return false
    const names = [...place.path, entry.name]
    if (result < 0) {
      this.problem(names, `cannot look at what is there: ${errnoMessage(-result)}`)
      return undefined
    }
    const standing = { target, dirFd, stat: this.#stat, attributes: this.#attributes }
    const decision = decide(entry, standing, overwrite)
    if (decision === 'replace') return true
    if (decision === 'blocked') this.problem(names, 'a folder stands where it is to go')
    else {
      // Other names are linked to what is there, but only where that is known to have the content.
      const isOurs = decision === 'attributes' || overwrite === 'if-changed'
      const first = isOurs ? this.#linkedTo(place, entry) : undefined
      if (first !== undefined && !this.#isSameFile(first)) return true
      this.counts.skipped++
      if (decision === 'attributes') this.#applyByName(dirFd, entry, names)
    }
    return undefined
  }

  /** Whether what was looked at last is one more name of what stands there. */
  #isSameFile({ folder, name }: { folder: readonly Bytes[]; name: Bytes }): boolean {
    const { target } = this.#options
    const dirFd = this.#openFolder(folder)
    if (dirFd < 0 || target.statEntry(dirFd, name, this.#firstStat) < 0) return false
    return this.#firstStat.isSameFileAs(this.#stat)
  }

  /** The place of this file's first name; undefined where this is the first. */
  #linkedTo(
    place: TargetPlace,
    entry: Entry,
  ): { folder: readonly Bytes[]; name: Bytes } | undefined {
    const key = fileKeyOf(entry)
    if (key === undefined) return undefined
    const first = this.#links.get(key)
    if (first === undefined) this.#links.set(key, { folder: place.path, name: entry.name })
    return first
  }

  #linkLater(
    first: { folder: readonly Bytes[]; name: Bytes },
    { place, entry, replaces }: { place: TargetPlace; entry: Entry; replaces: boolean },
  ): void {
    const { target } = this.#options
    if (entry.type === 'file') this.counts.files++
    else this.counts.others++
    this.#window.afterwards.push(() => {
      const from = { dirFd: this.#openFolder(first.folder), name: first.name }
      const result = this.#place(place.path, { entry, replaces }, (dirFd, name) =>
        target.makeHardLink(from, { dirFd, name }),
      )
      if (result < 0)
        this.problem([...place.path, entry.name], `cannot link it: ${errnoMessage(-result)}`)
    })
  }

  /** Makes something under its name, or beside what it replaces and then in its place. */
  #place(
    folder: readonly Bytes[],
    { entry, replaces }: { entry: Entry; replaces: boolean },
    make: (dirFd: number, name: Bytes) => number,
  ): number {
    const { target } = this.#options
    const dirFd = this.#openFolder(folder)
    if (dirFd < 0) return dirFd
    if (!replaces) return notFatal(make(dirFd, entry.name))
    const name = temporaryName()
    const made = notFatal(make(dirFd, name))
    if (made < 0) return made
    const renamed = target.rename({ dirFd, name }, { dirFd, name: entry.name })
    // A second name of the same file: rename leaves both, and the temporary one has to go.
    if (target.statEntry(dirFd, name, this.#stat) === 0) target.removeEntry(dirFd, name)
    return renamed
  }

  #makeOther(
    place: TargetPlace,
    { entry, replaces, names }: { entry: Entry; replaces: boolean; names: readonly Bytes[] },
  ): void {
    const result = this.#place(place.path, { entry, replaces }, (dirFd, name) =>
      this.#make(entry, dirFd, name),
    )
    if (result < 0) return this.problem(names, `cannot make it: ${errnoMessage(-result)}`)
    this.counts.others++
    this.#applyByName(this.#openFolder(place.path), entry, names)
  }

  #make(entry: Entry, dirFd: number, name: Bytes): number {
    const { target } = this.#options
    if (entry.type === 'fifo') return target.makeFifo(dirFd, name)
    if (entry.target !== undefined) return target.makeSymlink(dirFd, name, entry.target)
    assert(
      entry.device && (entry.type === 'char-device' || entry.type === 'block-device'),
      'a device has numbers',
    )
    return target.makeDevice(dirFd, name, { type: entry.type, ...entry.device })
  }

  #restoreFile(
    place: TargetPlace,
    { entry, replaces }: { entry: Entry; replaces: boolean },
  ): Promise<void> | undefined {
    this.counts.files++
    this.counts.bytes += Number(entry.size)
    if (entry.pieceList !== undefined || entry.extentList !== undefined)
      return this.#restoreListed(place, { entry, replaces })
    this.#restoreContent(place, { entry, replaces }, entry.pieces ?? [])
    return undefined
  }

  #restoreContent(place: TargetPlace, file: FileToRestore, pieces: readonly Piece[]): void {
    const { index } = this.#options
    const { entry, replaces } = file
    const [only] = pieces
    const isWhole = pieces.length === 1 && entry.extents === undefined && only !== undefined
    const location = isWhole ? index.image.locate(only.id) : undefined
    if (isWhole && location !== undefined)
      this.#window.addWhole(location.frame, {
        id: only.id,
        position: location.position,
        entry,
        folder: place.path,
        replaces,
      })
    else {
      const adding = this.#open(place, { entry, replaces, extents: entry.extents })
      if (adding === undefined) return
      this.#large.add(adding, pieces, this.#window)
      this.#large.complete(adding)
    }
  }

  /** A file of which the entry does not have all: its lists are read while its pieces are written. */
  async #restoreListed(place: TargetPlace, { entry, replaces }: FileToRestore): Promise<void> {
    const { reader, flush, signal } = this.#options
    const extents = await this.#extentsOf(place, entry)
    if (extents === 'unreadable') return
    const adding = this.#open(place, { entry, replaces, extents })
    if (adding === undefined) return
    let problem: string | undefined
    try {
      for await (const pieces of pieceRunsOf(reader, entry)) {
        if (!this.#large.add(adding, pieces, this.#window)) break
        if (this.#window.isFull) await flush()
        // A list may be endless, and name nothing that is to be waited for.
        await new Promise((resolve) => setImmediate(resolve))
        if (signal.aborted) throw new CairnError('interrupted', 'Interrupted')
      }
    } catch (error) {
      if (!isCairnError(error, 'object-missing', 'object-damaged', 'unsupported', ...WITHHELD))
        throw error
      problem = messageOf(error)
    }
    this.#large.complete(adding, problem)
  }

  #open(
    place: TargetPlace,
    file: FileToRestore & { readonly extents: readonly Extent[] | undefined },
  ): Adding | undefined {
    this.#window.noteOpened()
    return this.#large.open({ ...file, folder: place.path })
  }

  async #extentsOf(
    place: TargetPlace,
    entry: Entry,
  ): Promise<readonly Extent[] | undefined | 'unreadable'> {
    try {
      return await extentsOf(this.#options.reader, entry)
    } catch (error) {
      if (!isCairnError(error, 'object-missing', 'object-damaged', 'unsupported', ...WITHHELD))
        throw error
      this.problem([...place.path, entry.name], messageOf(error))
      this.#forget(entry)
      return 'unreadable'
    }
  }

  /** It was counted when it was begun. */
  #forget({ size }: { readonly size?: Entry['size'] | undefined }): void {
    this.counts.files--
    this.counts.bytes -= Number(size)
  }

  /**
   * Takes in what a worker did with a range. What could not be had of it, and is stored somewhere else too, is
   * in the window again.
   */
  take({ window, frames }: PlannedRange, outcome: RangeOutcome): void {
    const wholes = frames.flatMap(({ frame, wholes }) =>
      wholes.map((number) => ({ number, frame })),
    )
    const parts = frames.flatMap((frame) => frame.parts)
    if ('unreadable' in outcome) {
      const failure = { what: outcome.unreadable.message, isDamaged: true }
      for (const whole of wholes) this.#failWhole(window, whole, failure)
      for (const part of parts) this.#arrived(window, part, failure)
      return
    }
    for (const failure of outcome.failedWholes)
      this.#failWhole(window, wholes[failure.index] as PlannedWhole, failure)
    for (const { index, what } of outcome.attributes)
      this.problem(window.wholes.pathOf(wholes[index]?.number as number), what, 'attributes')
    const failed = new Map(outcome.failedParts.map((failure) => [failure.index, failure]))
    let run = 0
    parts.forEach((part, i) => {
      part.runs.forEach((_, j) => {
        part.stretch.crcs[part.firstRun + j] = outcome.crcs[run++] as number
      })
      // On a full disk nothing is kept of what is not whole: it goes when the run ends.
      if (!(outcome.fatal && failed.has(i))) this.#arrived(window, part, failed.get(i))
    })
    if (outcome.fatal) throw cannotGoOn(outcome.fatal.code, outcome.fatal.message)
  }

  #failWhole(window: Window, { number, frame }: PlannedWhole, { what, isDamaged }: Failure): void {
    const { image } = this.#options.index
    if (isDamaged && window.retryWhole(number, { image, frame })) return
    this.problem(window.wholes.pathOf(number), what)
    this.#forget({ size: window.wholes.sizeOf(number) })
  }

  #arrived(window: Window, part: Part, failure: Failure | undefined): void {
    if (failure?.isDamaged && window.retryPart(part, this.#options.index.image)) return
    this.#large.arrived(part.stretch, failure?.what)
  }

  /** After an end before the end, when no worker writes any more: what is not finished is taken away. */
  dropUnfinished(): void {
    this.#large.dropUnfinished()
  }

  /** A descriptor of it, or the negative errno that concerns this folder alone. */
  #openFolder(path: readonly Bytes[]): number {
    return notFatal(this.#options.target.openDirectory(path))
  }

  #applyByName(dirFd: number, entry: Entry, names: readonly Bytes[]): void {
    const fd = this.#options.target.openForMetadata(dirFd, entry.name)
    if (fd < 0)
      return this.problem(names, `cannot set its attributes: ${errnoMessage(-fd)}`, 'attributes')
    this.#apply(fd, entry, names)
    libc().close(fd)
  }

  #apply(fd: number, entry: Entry, names: readonly Bytes[]): void {
    const problems = this.#attributes.apply(fd, entry)
    if (problems.length > 0) this.problem(names, attributeText(problems), 'attributes')
  }
}

/** A file of one blob, by its number in the window, and the frame that was tried. */
interface PlannedWhole {
  readonly number: number
  readonly frame: number
}

type Failure = Omit<WireFailure, 'index'>

interface FileToRestore {
  readonly entry: Entry
  readonly replaces: boolean
}
