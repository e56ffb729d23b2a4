// Reads a tree as a backup does and writes it as a restore does, with nothing in between: the
// source's and the target's rooms against each other.

import { closeSync, readSync } from 'node:fs'
import { libc } from '../../src/base/libc.ts'
import { must } from '../../src/base/libc-error.ts'
import { NativeBuffer, PathSlot } from '../../src/base/libc-memory.ts'
import { type FileStat, StatBuffer } from '../../src/base/libc-stat.ts'
import { XattrReader, type XattrReading } from '../../src/base/libc-xattrs.ts'
import { dataExtents, mayHaveHoles } from '../../src/source/files/extents.ts'
import { openFile } from '../../src/source/files/open-file.ts'
import { Walker } from '../../src/source/files/walk.ts'
import type { WalkDirectory } from '../../src/source/files/walk-events.ts'
import type { AttributeProblem } from '../../src/target/files/attribute-problem.ts'
import { MetadataWriter } from '../../src/target/files/metadata.ts'
import { setSize, writeAt } from '../../src/target/files/sparse-write.ts'
import { TargetFolder } from '../../src/target/files/target-folder.ts'

interface FolderInHand {
  readonly stat: FileStat
  readonly xattrs: XattrReading['xattrs']
}

/** Copies what is in `from` (an absolute path) into the existing folder `to`, itself included. */
export function copyTree(from: string, to: string): readonly AttributeProblem[] {
  const copy = new TreeCopy(TargetFolder.open(Buffer.from(to)) as TargetFolder)
  copy.run(from)
  return copy.problems
}

class TreeCopy {
  readonly problems: AttributeProblem[] = []
  readonly #target: TargetFolder
  readonly #writer = new MetadataWriter({ kind: 'numbers' })
  readonly #reader = new XattrReader()
  readonly #stat = new StatBuffer()
  readonly #name = new PathSlot()
  readonly #goal = new NativeBuffer(4096)
  /** Never changed but replaced, as TargetFolder wants it. */
  #path: readonly Uint8Array[] = []
  readonly #folders: FolderInHand[] = []
  /** Where the first name of each inode with several was written. */
  readonly #first = new Map<
    string,
    { readonly path: readonly Uint8Array[]; readonly name: Uint8Array }
  >()

  constructor(target: TargetFolder) {
    this.#target = target
  }

  run(from: string): void {
    const walker = new Walker({ roots: [Buffer.from(from)] })
    for (let event = walker.next(); event !== undefined; event = walker.next()) {
      if (event.kind === 'problem') throw new Error(`${event.operation}: ${event.code}`)
      if (event.kind === 'enter' && event.contents === 'all') this.#enter(event)
      else if (event.kind === 'entry') this.#entry(event)
      else if (event.kind === 'leave' && this.#folders.length > 0) this.#leave()
    }
    this.#target.close()
  }

  #enter(event: { name: Uint8Array; stat: StatBuffer; directory: WalkDirectory }): void {
    if (this.#folders.length > 0) {
      const parent = this.#target.openDirectory(this.#path)
      must('mkdir', this.#target.makeDirectory(parent, event.name))
      this.#path = [...this.#path, event.name.slice()]
    }
    const { xattrs } = this.#reader.ofFd(event.directory.fd)
    this.#folders.push({ stat: event.stat.copy(), xattrs })
  }

  #leave(): void {
    const { stat, xattrs } = this.#folders.pop() as FolderInHand
    const fd = must('open', this.#target.openDirectory(this.#path))
    this.problems.push(...this.#writer.apply(fd, { ...stat, xattrs }))
    this.#path = this.#path.slice(0, -1)
  }

  #entry(event: { name: Uint8Array; stat: StatBuffer; directory: WalkDirectory }): void {
    const { name, directory } = event
    const stat = event.stat.copy()
    const dirFd = must('open', this.#target.openDirectory(this.#path))
    if (stat.links > 1 && this.#linkToFirst(dirFd, name, stat)) return
    this.#make(dirFd, name, { stat, directory })
    const { xattrs } = this.#reader.at(directory.fd, name)
    const fd = must('open', this.#target.openForMetadata(dirFd, name))
    this.problems.push(...this.#writer.apply(fd, { ...stat, xattrs }))
    closeSync(fd)
  }

  #linkToFirst(dirFd: number, name: Uint8Array, stat: FileStat): boolean {
    const inode = `${stat.deviceMajor}:${stat.deviceMinor}:${stat.inode}`
    const first = this.#first.get(inode)
    if (first === undefined) {
      this.#first.set(inode, { path: this.#path, name: name.slice() })
      return false
    }
    const from = { dirFd: must('open', this.#target.openDirectory(first.path)), name: first.name }
    must('link', this.#target.makeHardLink(from, { dirFd, name }))
    return true
  }

  #make(
    dirFd: number,
    name: Uint8Array,
    { stat, directory }: { stat: FileStat; directory: WalkDirectory },
  ): void {
    const { type, rdevMajor: major, rdevMinor: minor } = stat
    if (type === 'file') this.#makeFile(dirFd, name, directory)
    else if (type === 'fifo') must('mkfifo', this.#target.makeFifo(dirFd, name))
    else if (type === 'char-device' || type === 'block-device') {
      must('mknod', this.#target.makeDevice(dirFd, name, { type, major, minor }))
    } else {
      const address = this.#name.put(name)
      const length = libc().readlinkat(directory.fd, address, this.#goal.address, 4096)
      const goal = this.#goal.bytes.slice(0, must('readlink', length))
      must('symlink', this.#target.makeSymlink(dirFd, name, goal))
    }
  }

  #makeFile(dirFd: number, name: Uint8Array, directory: WalkDirectory): void {
    const from = must('open', openFile(directory.fd, this.#name.put(name), this.#stat))
    const to = must('create', this.#target.createFile(dirFd, name))
    const { size } = this.#stat
    const whole = [{ offset: 0, length: size }]
    for (const extent of mayHaveHoles(this.#stat) ? dataExtents(from, size, 1000) : whole) {
      const content = Buffer.alloc(extent.length)
      readSync(from, content, 0, extent.length, extent.offset)
      writeAt(to, content, extent.offset)
    }
    setSize(to, size)
    closeSync(from)
    closeSync(to)
  }
}
