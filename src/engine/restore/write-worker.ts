// A writing worker: opens frames, verifies blobs against their ids, writes them where they belong. Small
// files it makes, writes and finishes by itself.

import { type Bytes, equalBytes, release, toHex, utf8 } from '../../base/bytes.ts'
import { assert, isCairnError, messageOf } from '../../base/errors.ts'
import { crc32, KeyedHasher } from '../../base/hash.ts'
import { libc } from '../../base/libc.ts'
import { errnoMessage, SystemError } from '../../base/libc-error.ts'
import { UserNames } from '../../base/libc-users.ts'
import { answer, takeTasks, workerSetup } from '../../base/worker-tasks.ts'
import { BLOB_ID_BYTES } from '../../format/ids.ts'
import { type FrameSeal, openFrame } from '../../packer/frame.ts'
import { Seal } from '../../sealer/seal.ts'
import { type EntryMetadata, MetadataWriter } from '../../target/files/metadata.ts'
import { PendingFile } from '../../target/files/pending-file.ts'
import { writeAt } from '../../target/files/sparse-write.ts'
import { TargetFolder } from '../../target/files/target-folder.ts'
import { fatalCode } from './fatal.ts'
import type { RangeResult, RangeTask, WireFailure, WireProblem, WriterSetup } from './messages.ts'
import { attributeText, modeAtOnce } from './metadata-of.ts'
import { unwireFolders } from './wire-folders.ts'

const setup = workerSetup as WriterSetup
// Its own descriptor of the same folder, so that it can close all that it opened.
const opened = TargetFolder.open(utf8(`/proc/self/fd/${setup.rootFd}`))
if (typeof opened === 'number') throw new SystemError('open the target', -opened)
const target = opened
const hasher = new KeyedHasher(setup.dataIdKey)
const metadata = new MetadataWriter(
  setup.owners === 'names' ? { kind: 'names', names: new UserNames() } : { kind: setup.owners },
)
const seals = new Map<number, FrameSeal>()

class RangeWriter {
  readonly #task: RangeTask
  readonly #folders: readonly (readonly Bytes[])[]
  readonly #failedWholes: WireFailure[] = []
  readonly #attributes: WireProblem[] = []
  readonly #failedParts: WireFailure[] = []
  readonly #crcs: Uint32Array
  #fatal: RangeResult['fatal']
  #whole = 0
  #nameAt = 0
  #folder: number | undefined
  #dirFd = 0
  #part = 0
  #write = 0

  constructor(task: RangeTask) {
    this.#task = task
    this.#folders = unwireFolders(task.folders)
    this.#crcs = new Uint32Array(task.parts.writeOffsets.length)
    for (const { session, frameKey, aad } of task.sessions) {
      if (!seals.has(session)) seals.set(session, { seal: new Seal(frameKey), aad })
    }
  }

  run(): RangeResult {
    for (const frame of this.#task.frames) {
      const blobs = this.#openFrame(frame)
      for (let i = 0; i < frame.wholes; i++) this.#writeWhole(blobs)
      for (let i = 0; i < frame.parts; i++) this.#writePart(blobs)
      // Blobs are views of one plaintext: the first frees them all.
      if (typeof blobs !== 'string' && blobs[0] !== undefined) release(blobs[0])
    }
    this.#task.bytes.buffer.transfer(0)
    return {
      task: this.#task.task,
      failedWholes: this.#failedWholes,
      attributes: this.#attributes,
      failedParts: this.#failedParts,
      crcs: this.#crcs,
      fatal: this.#fatal,
    }
  }

  /** The blobs, or why there are none. */
  #openFrame({
    session,
    start,
    storedBytes,
    rawBytes,
  }: RangeTask['frames'][number]): readonly Bytes[] | string {
    const seal = seals.get(session)
    assert(seal, 'a task brings its sessions')
    try {
      return openFrame(this.#task.bytes.subarray(start, start + storedBytes), { ...seal, rawBytes })
    } catch (error) {
      if (isCairnError(error)) return error.message
      throw error
    }
  }

  #writeWhole(blobs: readonly Bytes[] | string): void {
    const { positions, ids, crcs, names, nameLengths } = this.#task.wholes
    const index = this.#whole++
    const start = this.#nameAt
    this.#nameAt += nameLengths[index] as number
    const name = names.subarray(start, this.#nameAt)
    const blob = blobAt(blobs, positions[index] as number, idAt(ids, index))
    if (typeof blob === 'string')
      return void this.#failedWholes.push({ index, what: blob, isDamaged: true })
    if (crc32(blob) !== crcs[index]) {
      return void this.#failedWholes.push({
        index,
        what: 'its CRC-32 is not the one that was recorded',
        isDamaged: false,
      })
    }
    this.#tryWriting(
      () => this.#makeFile(index, name, blob),
      (what) => this.#failedWholes.push({ index, what, isDamaged: false }),
    )
  }

  /**
   * A new file gets its name at once: to give it later takes a third longer, and a kill between these few
   * calls leaves one with a time of its own, which `if-changed` makes anew.
   */
  #makeFile(index: number, name: Bytes, blob: Bytes): void {
    const { folderNumbers, replaces } = this.#task.wholes
    const dirFd = this.#openFolder(folderNumbers[index] as number)
    if (replaces[index] === 1) return this.#replaceFile(index, { dirFd, name }, blob)
    const wanted = this.#metadataOf(index)
    const fd = must('create', target.createFile(dirFd, name, modeAtOnce(wanted)))
    try {
      this.#fill(fd, index, { blob, wanted })
    } catch (error) {
      target.removeEntry(dirFd, name)
      throw error
    } finally {
      libc().close(fd)
    }
  }

  #replaceFile(index: number, to: { dirFd: number; name: Bytes }, blob: Bytes): void {
    const wanted = this.#metadataOf(index)
    const pending = PendingFile.create(target, to.dirFd, modeAtOnce(wanted))
    if (typeof pending === 'number') throw new SystemError('create', -pending)
    try {
      this.#fill(pending.fd, index, { blob, wanted })
      must('replace', pending.replace(to))
    } finally {
      pending.close(to.dirFd)
    }
  }

  #fill(fd: number, index: number, { blob, wanted }: { blob: Bytes; wanted: EntryMetadata }): void {
    writeAt(fd, blob, 0)
    const problems = metadata.apply(fd, wanted)
    if (problems.length > 0) this.#attributes.push({ index, what: attributeText(problems) })
  }

  /** Files of one folder come one after the other: it is looked for once. */
  #openFolder(number: number): number {
    if (this.#folder !== number) {
      this.#folder = undefined
      this.#dirFd = must('open the folder', target.openDirectory(this.#folders[number] ?? []))
      this.#folder = number
    }
    return this.#dirFd
  }

  #metadataOf(index: number): EntryMetadata {
    const { modes, uids, gids, mtimeSeconds, mtimeNanos, xattrs, ownerNames } = this.#task.wholes
    return {
      type: 'file',
      mode: modes[index] as number,
      uid: uids[index] as number,
      gid: gids[index] as number,
      ...ownerNames[index],
      mtimeSeconds: exactInteger(mtimeSeconds[index] as bigint),
      mtimeNanos: mtimeNanos[index] as number,
      xattrs: xattrs.get(index) ?? NO_XATTRS,
    }
  }

  #writePart(blobs: readonly Bytes[] | string): void {
    const index = this.#part++
    const { positions, ids, lengths, fds, writeCounts, writeOffsets, writeLengths } =
      this.#task.parts
    const first = this.#write
    this.#write += writeCounts[index] as number
    const blob = blobAt(blobs, positions[index] as number, idAt(ids, index))
    if (typeof blob === 'string')
      return void this.#failedParts.push({ index, what: blob, isDamaged: true })
    if (blob.length !== lengths[index]) {
      return void this.#failedParts.push({
        index,
        what: 'a chunk has another length than was recorded',
        isDamaged: false,
      })
    }
    const writeRuns = () => {
      let from = 0
      for (let i = first; i < this.#write; i++) {
        const run = blob.subarray(from, from + (writeLengths[i] as number))
        this.#crcs[i] = crc32(run)
        writeAt(fds[index] as number, run, writeOffsets[i] as number)
        from += run.length
      }
    }
    this.#tryWriting(writeRuns, (what) => this.#failedParts.push({ index, what, isDamaged: false }))
  }

  /** Errors of writing are never taken for errors of what is stored. */
  #tryWriting(write: () => void, onFailure: (what: string) => void): void {
    if (this.#fatal !== undefined) return onFailure(this.#fatal.message)
    try {
      write()
    } catch (error) {
      if (!(error instanceof SystemError)) throw error
      const code = fatalCode(error.errno)
      if (code !== undefined) this.#fatal = { code, message: messageOf(error) }
      onFailure(`cannot write it: ${errnoMessage(error.errno)}`)
    }
  }
}

const NO_XATTRS: EntryMetadata['xattrs'] = []

/** A number wherever that is exact, as the system's own times are read. */
function exactInteger(value: bigint): number | bigint {
  const rounded = Number(value)
  return Number.isSafeInteger(rounded) ? rounded : value
}

function idAt(ids: Bytes, index: number): Bytes {
  return ids.subarray(BLOB_ID_BYTES * index, BLOB_ID_BYTES * (index + 1))
}

function must(what: string, result: number): number {
  if (result < 0) throw new SystemError(what, -result)
  return result
}

/** The blob that has this id, or why it cannot be had. */
function blobAt(blobs: readonly Bytes[] | string, position: number, id: Bytes): Bytes | string {
  if (typeof blobs === 'string') return blobs
  const blob = blobs[position]
  if (blob === undefined || !equalBytes(hasher.hash(blob), id))
    return `chunk ${toHex(id)} is damaged`
  return blob
}

takeTasks<RangeTask>({
  take: (task) => answer(new RangeWriter(task).run()),
  onStop: () => target.close(),
})
