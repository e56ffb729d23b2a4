// Goes through stored trees: the entries of a folder in order of their names, however many nodes they
// are in, and the pieces and extents of files, wherever they are listed.

import { type Bytes, compareBytes, equalBytes, fromUtf8Lossy, toHex } from '../base/bytes.ts'
import { CairnError, whileDoing } from '../base/errors.ts'
import type { BlobId } from '../format/ids.ts'
import { FILE_EXTENTS_MAX, NODE_LEVEL_MAX, PATH_NAMES_MAX } from '../format/limits.ts'
import type { Entry, Extent, Piece, TreeNode } from '../format/tree.ts'
import type { BlobReader } from './blob-reader.ts'
import { flattened, Into, type Nested } from './nesting.ts'

/**
 * The entries of a folder, sorted by name; `depth` is how many names lead to the folder. Throws as
 * BlobReader.read does, and 'object-damaged' where entries lie deeper than they may.
 */
export async function* entriesOf(
  reader: BlobReader,
  tree: BlobId,
  depth = 0,
): AsyncGenerator<Entry, undefined> {
  for await (const entries of entryRunsOf(reader, tree, depth)) yield* entries
  return undefined
}

/**
 * The same, as many at a time as a node has: for whoever cannot wait for each of a million. Each node is in
 * order by itself; that they follow each other is looked at here, for a name that came twice would
 * silently be one entry in the place of the other.
 */
export async function* entryRunsOf(
  reader: BlobReader,
  tree: BlobId,
  depth = 0,
): AsyncGenerator<readonly Entry[], undefined> {
  let last: Bytes | undefined
  for await (const node of leavesOf(reader, { id: tree, kind: 'entries' })) {
    if (node.kind !== 'entries') continue
    if (depth >= PATH_NAMES_MAX && node.entries.length > 0) throw tooDeep()
    const first = node.entries[0]?.name
    if (last !== undefined && first !== undefined && compareBytes(last, first) >= 0)
      throw unordered()
    last = node.entries.at(-1)?.name
    yield node.entries
  }
  return undefined
}

/** The pieces of a file's content, in order, as many at a time as a node has. */
export async function* pieceRunsOf(
  reader: BlobReader,
  { pieces, pieceList }: Entry,
): AsyncGenerator<readonly Piece[], undefined> {
  if (pieces !== undefined) yield pieces
  if (pieceList === undefined) return undefined
  for await (const node of leavesOf(reader, { id: pieceList, kind: 'pieces' })) {
    if (node.kind === 'pieces') yield node.pieces
  }
  return undefined
}

/** Where a sparse file has data; undefined for a file without holes. */
export async function extentsOf(
  reader: BlobReader,
  entry: Entry,
): Promise<readonly Extent[] | undefined> {
  if (entry.extentList === undefined) return entry.extents
  const extents: Extent[] = []
  for await (const node of leavesOf(reader, { id: entry.extentList, kind: 'extents' })) {
    if (node.kind === 'extents') extents.push(...node.extents)
    if (extents.length > FILE_EXTENTS_MAX)
      throw new CairnError('object-damaged', 'Cannot follow a file: it has too many extents')
  }
  return extents
}

type LeafKind = 'entries' | 'pieces' | 'extents'

/**
 * The nodes at level 0 below a root, in order. Levels must fall by one each, and what is in a folder's
 * node must begin with the name that the node above says.
 */
async function* leavesOf(
  reader: BlobReader,
  { id, kind, level, firstName }: { id: BlobId; kind: LeafKind; level?: number; firstName?: Bytes },
): AsyncGenerator<TreeNode> {
  const node = await reader.readNode(id)
  if (firstName !== undefined && !beginsWith(node, firstName)) throw unordered()
  const found = 'level' in node ? node.level : 0
  const leafLike = kind === 'entries' ? 'directory' : 'list'
  if (found > NODE_LEVEL_MAX || (level !== undefined && found !== level)) throw misplaced(id)
  if (found === 0) {
    if (node.kind !== kind) throw misplaced(id)
    yield node
  } else {
    if (node.kind !== leafLike || !('children' in node)) throw misplaced(id)
    for (const child of node.children) {
      const below = 'id' in child ? child : { id: child }
      yield* leavesOf(reader, { ...below, kind, level: found - 1 })
    }
  }
}

/** What is no node of a folder is misplaced, which is seen elsewhere. */
function beginsWith(node: TreeNode, name: Bytes): boolean {
  if (node.kind !== 'entries' && node.kind !== 'directory') return true
  const first = node.kind === 'entries' ? node.entries[0]?.name : node.children[0]?.firstName
  return first !== undefined && equalBytes(first, name)
}

function unordered(): CairnError {
  return new CairnError(
    'object-damaged',
    'Cannot follow a tree: the nodes of a folder are not in order, or have a name twice',
  )
}

function misplaced(id: BlobId): CairnError {
  return new CairnError(
    'object-damaged',
    `Cannot follow a tree: the node ${toHex(id)} is where it does not belong`,
    { context: { blob: toHex(id) } },
  )
}

function tooDeep(): CairnError {
  return new CairnError(
    'object-damaged',
    `Cannot follow a tree: it is more than ${PATH_NAMES_MAX} names deep`,
  )
}

/** An entry and the folders above it. */
export interface TreePath {
  /** Names from the root down, the entry's own last. */
  readonly names: readonly Bytes[]
  readonly entry: Entry
}

/** What to do with a folder whose node cannot be read: told, and passed over. */
export type OnTreeError = (names: readonly Bytes[], error: unknown) => void

export interface WalkTreeOptions {
  readonly root: BlobId
  readonly names?: readonly Bytes[]
  /** Whether to go into a folder; every one by default. */
  readonly enter?: (path: TreePath) => boolean
  readonly onError: OnTreeError
}

/** Every entry below a root, folders before what is in them. Goes on past what cannot be read. */
export function walkTree(reader: BlobReader, options: WalkTreeOptions): AsyncGenerator<TreePath> {
  return flattened(walkFolder(reader, options))
}

async function* walkFolder(
  reader: BlobReader,
  options: WalkTreeOptions,
): Nested<TreePath, undefined> {
  const { root, names = [], enter = () => true, onError } = options
  const entries = entriesOf(reader, root, names.length)
  for (;;) {
    const next = await nextEntry(entries, names, onError)
    if (next === undefined) return undefined
    const path = { names: [...names, next.name], entry: next }
    yield path
    if (next.tree !== undefined && enter(path))
      yield new Into(walkFolder(reader, { ...options, root: next.tree, names: path.names }))
  }
}

async function nextEntry(
  entries: AsyncGenerator<Entry, undefined>,
  names: readonly Bytes[],
  onError: OnTreeError,
): Promise<Entry | undefined> {
  try {
    const next: IteratorResult<Entry, undefined> = await entries.next()
    return next.done === true ? undefined : next.value
  } catch (error) {
    onError(names, error)
    return undefined
  }
}

/**
 * The entry at a path below a root; undefined where there is none. The root itself has no entry. Errors name
 * the folder that cannot be read.
 */
export async function findEntry(
  reader: BlobReader,
  { root, names }: { readonly root: BlobId; readonly names: readonly Bytes[] },
): Promise<Entry | undefined> {
  let tree: BlobId | undefined = root
  let found: Entry | undefined
  for (const [depth, name] of names.entries()) {
    if (tree === undefined) return undefined
    try {
      found = await entryNamed(reader, tree, name)
    } catch (error) {
      throw whileDoing(`Cannot read ${pathText(names.slice(0, depth))}`, error)
    }
    if (found === undefined) return undefined
    tree = found.tree
  }
  return found
}

function pathText(names: readonly Bytes[]): string {
  return `/${names.map(fromUtf8Lossy).join('/')}`
}

async function entryNamed(
  reader: BlobReader,
  tree: BlobId,
  name: Bytes,
): Promise<Entry | undefined> {
  for await (const entry of entriesOf(reader, tree)) if (equalBytes(entry.name, name)) return entry
  return undefined
}
