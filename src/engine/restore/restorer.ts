// Restores entries one by one: makes folders, links and devices at once, and collects the content of files
// in windows that the workers write.

import type { Bytes } from '../../base/bytes.ts'
import { concat } from '../../base/bytes.ts'
import { assert, CairnError, messageOf } from '../../base/errors.ts'
import { libc } from '../../base/libc.ts'
import { Errno, errnoMessage } from '../../base/libc-error.ts'
import { StatBuffer } from '../../base/libc-stat.ts'
import type { Entry, Extent, Piece } from '../../format/tree.ts'
import type { Index } from '../../repository/index-load.ts'
import type { TargetFolder } from '../../target/files/target-folder.ts'
import type { BlobReader } from '../blob-reader.ts'
import { extentsOf, piecesOf } from '../tree-reader.ts'
import { Attributes } from './attributes.ts'
import { decide, type OverwritePolicy } from './existing.ts'
import { notFatal } from './fatal.ts'
import { attributeText, modeAtOnce } from './metadata-of.ts'
import { crcOfRuns, type OpenRestore, runsOf } from './open-restore.ts'
import { temporaryName } from './temporary-name.ts'
import type { PlannedRange } from './window.ts'
import { Window } from './window.ts'
import type { RangeOutcome } from './write-pool.ts'

export interface RestoreProblem {
  readonly path: Bytes
  readonly what: string
  /** Whether content is missing, or only some attribute. */
  readonly kind: 'content' | 'attributes'
}

export interface RestoreCounts {
  files: number
  folders: number
  others: number
  bytes: number
  skipped: number
  deleted: number
  problems: number
  /** How many files were read back; 0 where that was not asked for. */
  verified: number
}

export interface RestorerOptions {
  readonly target: TargetFolder
  readonly reader: BlobReader
  readonly index: Index
  readonly owners: 'numbers' | 'names' | 'keep'
  readonly overwrite: OverwritePolicy
  readonly onProblem: (problem: RestoreProblem) => void
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
  readonly counts: RestoreCounts = {
    files: 0,
    folders: 0,
    others: 0,
    bytes: 0,
    skipped: 0,
    deleted: 0,
    problems: 0,
    verified: 0,
  }
  readonly #unfinished = new Set<OpenRestore>()
  #window: Window

  constructor(options: RestorerOptions) {
    this.#options = options
    const { owners } = options
    this.#window = new Window({ owners, isFirst: true })
    this.#attributes = new Attributes(owners)
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
    this.#options.onProblem({ path: joinNames(names), what, kind })
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
    const dirFd = target.openDirectory(parent.path)
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
    if (target.openDirectory(path) >= 0) return true
    if (overwrite === 'never' || parent === undefined) return false
    const dirFd = target.openDirectory(parent.path)
    const name = path.at(-1) as Bytes
    return target.removeEntry(dirFd, name) === 0 && target.makeDirectory(dirFd, name) === 0
  }

  /**
   * After the window's content: a folder's own attributes, when nothing more will be put into it. With
   * `never` one that was there before keeps those it has.
   */
  closeFolder(place: TargetPlace): void {
    const { entry } = place
    const { target, overwrite } = this.#options
    if (entry === undefined || place.state === 'unmade' || place.state === 'failed') return
    if (place.state === 'existing' && overwrite === 'never') {
      // The target itself is nothing that was looked for.
      if (place.parent !== undefined) this.counts.skipped++
      return
    }
    this.counts.folders++
    this.#window.afterwards.push(() => {
      const fd = target.openDirectory(place.path)
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
    const dirFd = target.openDirectory(place.path)
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
    const { inode, deviceMajor, deviceMinor } = this.#stat
    const dirFd = target.openDirectory(folder)
    if (dirFd < 0 || target.statEntry(dirFd, name, this.#firstStat) < 0) return false
    const first = this.#firstStat
    return (
      first.inode === inode &&
      first.deviceMajor === deviceMajor &&
      first.deviceMinor === deviceMinor
    )
  }

  /** The place of this file's first name; undefined where this is the first. */
  #linkedTo(
    place: TargetPlace,
    entry: Entry,
  ): { folder: readonly Bytes[]; name: Bytes } | undefined {
    if (entry.link === undefined) return undefined
    const key = `${entry.link.device}:${entry.link.inode}`
    const first = this.#links.get(key)
    if (first === undefined) this.#links.set(key, { folder: place.path, name: entry.name })
    return first
  }

  #linkLater(
    first: { folder: readonly Bytes[]; name: Bytes },
    { place, entry, replaces }: { place: TargetPlace; entry: Entry; replaces: boolean },
  ): void {
    const { target } = this.#options
    this.counts.files++
    this.#window.afterwards.push(() => {
      const from = { dirFd: target.openDirectory(first.folder), name: first.name }
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
    const dirFd = target.openDirectory(folder)
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
    this.#applyByName(this.#options.target.openDirectory(place.path), entry, names)
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
    if (entry.pieceList !== undefined || entry.extentList !== undefined)
      return this.#restoreListed(place, { entry, replaces })
    const { pieces = [], extents } = entry
    this.#restoreContent(place, { entry, replaces, pieces, extents })
    return undefined
  }

  /** A file of which the entry does not have all: the lists are read first. */
  async #restoreListed(
    place: TargetPlace,
    { entry, replaces }: { entry: Entry; replaces: boolean },
  ): Promise<void> {
    const content = await this.#contentOf(place, entry)
    if (content !== undefined) this.#restoreContent(place, { entry, replaces, ...content })
  }

  #restoreContent(place: TargetPlace, { entry, replaces, pieces, extents }: FileToRestore): void {
    const { index } = this.#options
    const [only] = pieces
    const isWhole = pieces.length === 1 && extents === undefined && only !== undefined
    const location = isWhole ? index.image.locate(only.id) : undefined
    this.counts.files++
    this.counts.bytes += Number(entry.size)
    if (isWhole && location !== undefined)
      this.#window.addWhole(location.frame, {
        id: only.id,
        position: location.position,
        entry,
        folder: place.path,
        replaces,
      })
    else this.#openFile(place, { entry, replaces, pieces, runs: runsOf(pieces, extents) })
  }

  /** What a file consists of; undefined where that cannot be read, which was reported. */
  async #contentOf(
    place: TargetPlace,
    entry: Entry,
  ): Promise<{ pieces: readonly Piece[]; extents: readonly Extent[] | undefined } | undefined> {
    const { reader } = this.#options
    try {
      return { pieces: await piecesOf(reader, entry), extents: await extentsOf(reader, entry) }
    } catch (error) {
      if (!(error instanceof CairnError)) throw error
      this.problem([...place.path, entry.name], messageOf(error))
      return undefined
    }
  }

  #openFile(
    place: TargetPlace,
    file: {
      entry: Entry
      replaces: boolean
      pieces: readonly Piece[]
      runs: readonly (readonly { offset: number; length: number }[])[]
    },
  ): void {
    const { entry, pieces, runs, replaces } = file
    const { target, index } = this.#options
    const names = [...place.path, entry.name]
    if (typeof entry.size !== 'number')
      return this.problem(names, 'it is longer than this system can write')
    const name = replaces ? temporaryName() : entry.name
    const dirFd = target.openDirectory(place.path)
    const fd = dirFd < 0 ? dirFd : notFatal(target.createFile(dirFd, name, modeAtOnce(entry)))
    if (fd < 0) return this.problem(names, `cannot create it: ${errnoMessage(-fd)}`)
    const flat = runs.flat()
    const open: OpenRestore = {
      fd,
      entry,
      folder: place.path,
      name,
      size: entry.size,
      runs: flat,
      crcs: new Uint32Array(flat.length),
      missingParts: 0,
      problem: undefined,
    }
    this.#unfinished.add(open)
    const resized = notFatal(libc().ftruncate(fd, entry.size))
    if (resized < 0) {
      this.#drop(open)
      return this.problem(names, `cannot make it so long: ${errnoMessage(-resized)}`)
    }
    this.#window.openFiles.add(open)
    let firstRun = 0
    pieces.forEach((piece, i) => {
      const location = index.image.locate(piece.id)
      const pieceRuns = runs[i] ?? []
      if (location === undefined) open.problem ??= 'some of its content is in no pack'
      else {
        open.missingParts++
        this.#window.addPart({ ...location, ...piece, file: open, firstRun, runs: pieceRuns })
      }
      firstRun += pieceRuns.length
    })
    if (open.missingParts === 0) this.#finishFile(open)
  }

  /** Takes in what a worker did with a range. */
  take(range: PlannedRange, outcome: RangeOutcome): void {
    const wholes = range.frames.flatMap((frame) => frame.wholes)
    const parts = range.frames.flatMap((frame) => frame.parts)
    if ('unreadable' in outcome) {
      const what = outcome.unreadable.message
      for (const whole of wholes) this.problem(range.wholes.pathOf(whole), what)
      for (const part of parts) this.#finishPart(part.file, what)
      return
    }
    const nameOf = (i: number) => range.wholes.pathOf(wholes[i] as number)
    for (const { index, what } of outcome.failedWholes) this.problem(nameOf(index), what)
    for (const { index, what } of outcome.attributes)
      this.problem(nameOf(index), what, 'attributes')
    const failed = new Map(outcome.failedParts.map(({ index, what }) => [index, what]))
    let run = 0
    parts.forEach((part, i) => {
      part.runs.forEach((_, j) => {
        part.file.crcs[part.firstRun + j] = outcome.crcs[run++] as number
      })
      this.#finishPart(part.file, failed.get(i))
    })
    if (outcome.fatal)
      throw new CairnError(outcome.fatal.code, `Cannot go on restoring: ${outcome.fatal.message}`)
  }

  #finishPart(file: OpenRestore, problem: string | undefined): void {
    file.problem ??= problem
    if (--file.missingParts === 0) this.#finishFile(file)
  }

  #finishFile(file: OpenRestore): void {
    const { entry, fd, folder } = file
    const { target } = this.#options
    const names = [...folder, entry.name]
    if (file.problem === undefined && crcOfRuns(file.runs, file) !== entry.crc32) {
      file.problem = 'its CRC-32 is not the one that was recorded'
    }
    if (file.problem === undefined) this.#apply(fd, entry, names)
    libc().close(fd)
    this.#unfinished.delete(file)
    this.#window.openFiles.delete(file)
    if (file.name !== entry.name) {
      const dirFd = target.openDirectory(folder)
      if (file.problem !== undefined) target.removeEntry(dirFd, file.name)
      else {
        const result = target.rename({ dirFd, name: file.name }, { dirFd, name: entry.name })
        if (result < 0) file.problem = `cannot put it in place: ${errnoMessage(-result)}`
      }
    }
    if (file.problem !== undefined) this.problem(names, file.problem)
  }

  /** After an end before the end, when no worker writes any more: what is not finished is taken away. */
  dropUnfinished(): void {
    for (const file of this.#unfinished) this.#drop(file)
  }

  #drop(file: OpenRestore): void {
    const { target } = this.#options
    libc().close(file.fd)
    this.#unfinished.delete(file)
    const dirFd = target.openDirectory(file.folder)
    if (dirFd >= 0) target.removeEntry(dirFd, file.name)
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

interface FileToRestore {
  readonly entry: Entry
  readonly replaces: boolean
  readonly pieces: readonly Piece[]
  readonly extents: readonly Extent[] | undefined
}

/** A path below the root, for people and problems. */
export function joinNames(names: readonly Bytes[]): Bytes {
  const slash = Uint8Array.of(0x2f)
  return concat(names.flatMap((name, i) => (i === 0 ? [name] : [slash, name])))
}
