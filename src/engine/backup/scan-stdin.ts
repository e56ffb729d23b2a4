// What comes in on a descriptor, as the only file of a source. Where it comes from cannot say whether
// it is all: a stream without a single byte is taken for a producer that failed.

import type { Bytes } from '../../base/bytes.ts'
import type { Clock } from '../../base/clock.ts'
import { CairnError } from '../../base/errors.ts'
import { errnoMessage } from '../../base/libc-error.ts'
import type { FileStat } from '../../base/libc-stat.ts'
import { UserNames } from '../../base/libc-users.ts'
import { encode } from '../../format/codec.ts'
import { type Entry, treeNodeCodec } from '../../format/tree.ts'
import { EntryMaker } from './entry.ts'
import { READ_FINE } from './messages.ts'
import { fitsInline, putPieces } from './node-lists.ts'
import type { StdinSource } from './options.ts'
import type { FileContent, ReadPool } from './read-pool.ts'
import type { Report } from './report.ts'
import type { Root } from './scan.ts'
import type { TreeWriter } from './tree-writer.ts'

export interface StdinOptions {
  readonly pool: ReadPool
  readonly trees: TreeWriter
  readonly report: Report
  readonly clock: Clock
}

/** Reads to the end of the stream. Throws 'source-unreadable' where it fails or has nothing. */
export async function scanStdin(source: StdinSource, options: StdinOptions): Promise<Root> {
  const { pool, trees, report } = options
  const content = await readAll(source.fd, pool)
  if (content.outcome > 0) throw unreadable(errnoMessage(content.outcome))
  if (content.dataBytes === 0) throw unreadable('it has no content')
  report.fileRead(content.dataBytes, content.dataBytes)
  report.folder()
  const entry = entryOf(source.name, content, options)
  const tree = trees.put(encode(treeNodeCodec, { kind: 'entries', entries: [entry] }))
  return { tree, entry: undefined }
}

async function readAll(fd: number, pool: ReadPool): Promise<FileContent> {
  const { promise, resolve } = Promise.withResolvers<FileContent>()
  const finish = () => READ_FINE
  pool.readLarge({ fd, size: 0, data: { toEndMaxBytes: Infinity }, finish, done: resolve })
  await pool.drain()
  return promise
}

function entryOf(name: Bytes, content: FileContent, { trees, clock }: StdinOptions): Entry {
  const { pieces } = content
  const listed = fitsInline(pieces.count)
    ? { pieces: [...pieces] }
    : { pieceList: putPieces(pieces, (blob) => trees.put(blob)).root }
  const stat = statOfStream(clock.nowMs(), content.dataBytes)
  const fields = { size: content.dataBytes, crc32: content.crc, ...listed }
  return new EntryMaker(new UserNames()).make({ name, stat, xattrs: [] }, fields)
}

/** A stream has no metadata: it gets those of a private file of whoever runs the backup. */
function statOfStream(nowMs: number, size: number): FileStat {
  const seconds = Math.floor(nowMs / 1000)
  return {
    type: 'file',
    mode: 0o600,
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    size,
    blocks: 0,
    mtimeSeconds: seconds,
    mtimeNanos: (nowMs % 1000) * 1_000_000,
    ctimeSeconds: seconds,
    ctimeNanos: 0,
    inode: 0,
    deviceMajor: 0,
    deviceMinor: 0,
    rdevMajor: 0,
    rdevMinor: 0,
    links: 1,
  }
}

function unreadable(why: string): CairnError {
  return new CairnError('source-unreadable', `Cannot back up the standard input: ${why}`, {
    hint: 'See whether the command that writes to it works. Nothing was saved.',
  })
}
