// The roots of a walk as one tree from '/' down: what the user named, and the folders on the way to
// it. Roots that repeat or contain each other become one branch.
//
// A root that ends in '/' is followed where its last component is a symbolic link (rsync's
// convention); without it the link itself is backed up. Links on the way are always followed.

import { type Bytes, compareBytes } from '../../base/bytes.ts'
import { assert } from '../../base/errors.ts'

const SLASH = 0x2f
const DOT = 0x2e

export interface RootNode {
  /** Empty for '/'. */
  readonly name: Bytes
  readonly path: Bytes
  /** Sorted by the bytes of their names. */
  readonly children: RootNode[]
  /** Named by the user, as against only leading there. */
  isRoot: boolean
  /** Named with a '/' at its end. */
  follow: boolean
}

/** The tree of absolute paths. Empty components and '.' are dropped, '..' takes one back. */
export function rootTree(roots: readonly Bytes[]): RootNode {
  const top: RootNode = {
    name: new Uint8Array(0),
    path: Uint8Array.of(SLASH),
    children: [],
    isRoot: false,
    follow: false,
  }
  for (const root of roots) {
    assert(root[0] === SLASH, 'a root of a walk is not absolute')
    let node = top
    for (const name of components(root)) node = childOf(node, name)
    node.isRoot = true
    node.follow ||= root[root.length - 1] === SLASH
  }
  return top
}

/** The roots in a branch, its own top included. */
export function rootsIn(node: RootNode): readonly RootNode[] {
  const found: RootNode[] = []
  // Not by calling itself: how many names a path has is for the user to say.
  const stack = [node]
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    if (next.isRoot) found.push(next)
    for (let i = next.children.length - 1; i >= 0; i--) stack.push(next.children[i] as RootNode)
  }
  return found
}

/** `folder`/`name`; '/' itself does not get a second slash. */
export function joinPath(folder: Bytes, name: Bytes): Bytes {
  const isTop = folder.length === 1
  const path = new Uint8Array(folder.length + (isTop ? 0 : 1) + name.length)
  path.set(folder)
  path[path.length - name.length - 1] = SLASH
  path.set(name, path.length - name.length)
  return path
}

function components(path: Bytes): readonly Bytes[] {
  const names: Bytes[] = []
  for (let start = 0; start < path.length; ) {
    const slash = path.indexOf(SLASH, start)
    const end = slash === -1 ? path.length : slash
    const name = path.slice(start, end)
    if (isDots(name, 2)) names.pop()
    else if (name.length > 0 && !isDots(name, 1)) names.push(name)
    start = end + 1
  }
  return names
}

function isDots(name: Bytes, count: number): boolean {
  return name.length === count && name.every((byte) => byte === DOT)
}

function childOf(node: RootNode, name: Bytes): RootNode {
  const at = node.children.findIndex((child) => compareBytes(child.name, name) >= 0)
  const next = node.children[at]
  if (next !== undefined && compareBytes(next.name, name) === 0) return next
  const path = joinPath(node.path, name)
  const child: RootNode = { name, path, children: [], isRoot: false, follow: false }
  node.children.splice(at === -1 ? node.children.length : at, 0, child)
  return child
}
