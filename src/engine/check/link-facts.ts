// Entries with one link, which are names of one file, wherever they are in a tree: of each two numbers are
// kept, one for the link and one for what the entry looks like. Hashes, so short that some may
// coincide: whoever finds something by them looks again.

import type { Entry } from '../../format/tree.ts'
import { likenessOf } from '../same-file.ts'

/** Of each entry: its node, then link (40 bits) and look (24 bits) in two numbers, the higher one first. */
export type LinkColumns = Uint32Array

const FIELDS = 3

/** What all names of a file have in common. */
export function lookOf(entry: Entry): string {
  return `${likenessOf(entry)} ${entry.mtimeSeconds} ${entry.mtimeNanos}`
}

export class LinkColumnsBuilder {
  readonly #numbers: number[] = []

  take(entry: Entry, blob: number): void {
    const { link } = entry
    if (link === undefined) return
    const file = `${link.device}:${link.inode}`
    const low = (hash(file, 1) << 24) | (hash(lookOf(entry), 0) & 0xffffff)
    this.#numbers.push(blob, hash(file, 0), low >>> 0)
  }

  finish(): LinkColumns {
    return Uint32Array.from(this.#numbers)
  }
}

/** FNV-1a. */
function hash(text: string, seed: number): number {
  let value = 0x811c9dc5 ^ seed
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  return value >>> 0
}

export interface Link {
  readonly file: number
  readonly look: number
}

/** The links of all nodes of a domain. */
export class LinkFacts {
  readonly #columns: LinkColumns[] = []

  /** Takes those of a pack; `numbers` are its blobs' in the image. */
  add(columns: LinkColumns, numbers: readonly number[]): void {
    if (columns.length === 0) return
    this.#columns.push(
      columns.map((value, i) => (i % FIELDS === 0 ? (numbers[value] as number) : value)),
    )
  }

  /** By node: its entries of files that do not look the same everywhere in the domain. */
  changing(): ReadonlyMap<number, readonly Link[]> {
    const files = this.#changingFiles()
    const nodes = new Map<number, Link[]>()
    if (files.size === 0) return nodes
    for (const { node, ...link } of this.#all()) {
      if (!files.has(link.file)) continue
      const links = nodes.get(node)
      if (links === undefined) nodes.set(node, [link])
      else links.push(link)
    }
    return nodes
  }

  /** By sorting: a map of a million files would take ten times the memory. */
  #changingFiles(): ReadonlySet<number> {
    const count = this.#columns.reduce((sum, { length }) => sum + length / FIELDS, 0)
    const looks = new BigUint64Array(count)
    let at = 0
    for (const { file, look } of this.#all()) looks[at++] = (BigInt(file) << 24n) | BigInt(look)
    looks.sort()
    const files = new Set<number>()
    for (let i = 1; i < looks.length; i++) {
      const [before, here] = [looks[i - 1] as bigint, looks[i] as bigint]
      if (before !== here && before >> 24n === here >> 24n) files.add(Number(here >> 24n))
    }
    return files
  }

  *#all(): Generator<Link & { readonly node: number }> {
    for (const columns of this.#columns) {
      for (let at = 0; at < columns.length; at += FIELDS) {
        const [node, high, low] = columns.subarray(at, at + FIELDS) as unknown as number[]
        const file = (high as number) * 256 + ((low as number) >>> 24)
        yield { node: node as number, file, look: (low as number) & 0xffffff }
      }
    }
  }
}
