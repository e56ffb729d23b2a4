// Trees that no backup makes, with correct keys, ids and signatures: what a broken or hostile writer leaves.

import { utf8 } from '../../../src/base/bytes.ts'
import { encode } from '../../../src/format/codec.ts'
import { type BlobId, blobId } from '../../../src/format/ids.ts'
import { type Entry, treeNodeCodec } from '../../../src/format/tree.ts'
import { selectDomain } from '../../../src/repository/repository.ts'
import { CraftedTrees } from '../../repositories/crafted.ts'
import { entryOf } from '../../repositories/entries.ts'
import type { Damage } from './damage.ts'

/** Two nodes of a folder whose names do not follow each other. */
export async function unsortedDirectory(damage: Damage): Promise<void> {
  const crafted = new CraftedTrees(await damage.open())
  const first = crafted.entries(crafted.file('m', 'one'), crafted.file('z', 'two'))
  const second = crafted.entries(crafted.file('n', 'three'))
  await crafted.commit(crafted.inner(1, { m: first, n: second }), 'unsorted')
}

/** A tree cannot contain itself. Headers can say that two do. */
export async function cycle(damage: Damage): Promise<void> {
  const repository = await damage.open()
  const domain = selectDomain(repository)
  const crafted = new CraftedTrees(repository)
  const node = (name: string): Uint8Array => encodeEntries([entryOf(name, { type: 'fifo' })])
  const idOf = (name: string): BlobId => blobId(domain.idOf('tree', node(name)))
  crafted.encoded(node('egg'), [idOf('hen')])
  crafted.encoded(node('hen'), [idOf('egg')])
  await crafted.commit(idOf('hen'), 'cycle')
}

/** It refers to what nobody has, and its header does not say so: prune would take it for whole. */
export async function lyingRefs(damage: Damage): Promise<void> {
  const crafted = new CraftedTrees(await damage.open())
  const content = crafted.file('file', 'content')
  const tree = crafted.encoded(encodeEntries([content]), [])
  await crafted.commit(tree, 'lying')
}

function encodeEntries(entries: readonly Entry[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(encode(treeNodeCodec, { kind: 'entries', entries }))
}

/** A node that says that it has 2^64 - 1 entries. */
export async function hugeLengthInTree(damage: Damage): Promise<void> {
  const crafted = new CraftedTrees(await damage.open())
  const huge = Uint8Array.of(0xa2, 0x01, 0x00, 0x02, 0x9b, ...new Array<number>(8).fill(0xff))
  await crafted.commit(crafted.encoded(huge, []), 'huge')
}

/** A blob of a file that is not what its id says. */
export async function forgedBlob(damage: Damage): Promise<void> {
  const crafted = new CraftedTrees(await damage.open())
  const piece = crafted.forgedPiece(utf8('bad'), utf8('yes'))
  const changes = { pieces: [piece], size: 3 }
  await crafted.commit(crafted.entries(crafted.file('file', 'yes', changes)), 'forged')
}
