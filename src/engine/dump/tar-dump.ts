// A folder as a tar archive. What cannot be read is told and passed over; since the header has announced
// a file's length, what is missing of one is zeros.

import { type Bytes, concat, utf8 } from '../../base/bytes.ts'
import { isCairnError } from '../../base/errors.ts'
import type { BlobId } from '../../format/ids.ts'
import type { Entry } from '../../format/tree.ts'
import { fileKeyOf } from '../same-file.ts'
import { entriesOf } from '../tree-reader.ts'
import { type ContentReaders, contentOf } from './content.ts'
import { encodeHeader, endOfArchive, padding, type TarHeader } from './pax.ts'
import type { DumpProblem, Sink } from './sink.ts'

export interface TarDumpOptions extends ContentReaders {
  readonly sink: Sink
  readonly onProblem: (problem: DumpProblem) => void
}

export interface Place {
  /** From the root of the snapshot down. */
  readonly names: readonly Bytes[]
  /** How many of these are left out of paths in the archive. */
  readonly above: number
}

const SLASH = utf8('/')
const ENTRIES_AT_ONCE = 64
const ZEROS = new Uint8Array(64 * 1024)

export class TarDump {
  readonly #options: TarDumpOptions
  /** Path in the archive of the first link to each file that has several. */
  readonly #links = new Map<string, Bytes>()
  entries = 0
  problems = 0

  constructor(options: TarDumpOptions) {
    this.#options = options
  }

  /** What is in a folder, and below. */
  async folder(tree: BlobId, place: Place): Promise<void> {
    const entries = entriesOf(this.#options.trees, tree, place.names.length)
    for (;;) {
      const entry = await this.#next(entries, place)
      if (entry === undefined) return
      // Where nothing has to be waited for, nothing else would let a signal come through.
      if (this.entries % ENTRIES_AT_ONCE === 0)
        await new Promise((resolve) => setImmediate(resolve))
      await this.entry(entry, { ...place, names: [...place.names, entry.name] })
    }
  }

  /** An entry, and what is in it. */
  async entry(entry: Entry, place: Place): Promise<void> {
    const path = joined(place.names.slice(place.above))
    const first = this.#firstLink(entry, path)
    this.entries++
    if (first !== undefined) {
      await this.#options.sink(
        encodeHeader({ ...headerOf(entry, path), type: 'hardlink', size: 0, linkPath: first }),
      )
      return
    }
    await this.#options.sink(encodeHeader(headerOf(entry, path)))
    if (entry.type === 'file') await this.#content(entry, place)
    if (entry.tree !== undefined) await this.folder(entry.tree, place)
  }

  async end(): Promise<void> {
    await this.#options.sink(endOfArchive())
  }

  async #next(
    entries: AsyncGenerator<Entry, undefined>,
    { names }: Place,
  ): Promise<Entry | undefined> {
    try {
      const next: IteratorResult<Entry, undefined> = await entries.next()
      return next.done === true ? undefined : next.value
    } catch (error) {
      this.#tell(names, error)
      return undefined
    }
  }

  /** Where an entry that has several links was put before; undefined where it is the first. */
  #firstLink(entry: Entry, path: Bytes): Bytes | undefined {
    const key = fileKeyOf(entry)
    if (key === undefined) return undefined
    const first = this.#links.get(key)
    if (first === undefined) this.#links.set(key, path)
    return first
  }

  async #content(entry: Entry, { names }: Place): Promise<void> {
    const size = Number(entry.size)
    let written = 0
    const content = contentOf(this.#options, entry)
    for (;;) {
      const bytes = await this.#nextBytes(content, names)
      if (bytes === undefined) break
      written += bytes.length
      await this.#options.sink(bytes)
    }
    for (; written < size; written += ZEROS.length) {
      await this.#options.sink(ZEROS.subarray(0, Math.min(ZEROS.length, size - written)))
    }
    await this.#options.sink(padding(size))
  }

  /** Reading may fail and be told; what the sink throws is not caught here. */
  async #nextBytes(
    content: AsyncGenerator<Bytes>,
    names: readonly Bytes[],
  ): Promise<Bytes | undefined> {
    try {
      const next: IteratorResult<Bytes, unknown> = await content.next()
      return next.done === true ? undefined : next.value
    } catch (error) {
      this.#tell(names, error)
      return undefined
    }
  }

  #tell(names: readonly Bytes[], error: unknown): void {
    if (!isCairnError(error)) throw error
    this.problems++
    this.#options.onProblem({ names, error })
  }
}

function headerOf(entry: Entry, path: Bytes): TarHeader {
  const { type, mode, uid, gid, user, group, mtimeNanos, target, device, xattrs } = entry
  return {
    type,
    path: type === 'directory' ? concat([path, SLASH]) : path,
    linkPath: target,
    mode,
    uid,
    gid,
    user,
    group,
    size: type === 'file' ? Number(entry.size) : 0,
    mtimeSeconds: BigInt(entry.mtimeSeconds),
    mtimeNanos,
    device,
    xattrs,
  }
}

function joined(names: readonly Bytes[]): Bytes {
  return concat(names.flatMap((name, i) => (i === 0 ? [name] : [SLASH, name])))
}
