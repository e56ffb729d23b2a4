// Snapshots whose objects are gone, and records that are damaged.

import { utf8 } from '../../../src/base/bytes.ts'
import { sha256 } from '../../../src/base/hash.ts'
import { blobId } from '../../../src/format/ids.ts'
import { CraftedTrees } from '../../repositories/crafted.ts'
import type { Damage, Make } from './damage.ts'

/** As where a copy that was made file by file came to its snapshots and not to its packs. */
export function snapshotWithoutItsPacks(damage: Damage): void {
  damage.remove('data-pack 2')
  damage.remove('tree-pack 2')
  damage.remove('index 2')
}

/** Its root is in no pack, and no index ever said so. */
export async function snapshotOfNothing(damage: Damage): Promise<void> {
  const crafted = new CraftedTrees(await damage.open())
  crafted.entries()
  await crafted.commit(blobId(sha256(utf8('nothing'))), 'nothing')
}

export function missingSnapshot(damage: Damage): void {
  damage.remove('snapshot 1')
}

export function missingReceipt(damage: Damage): void {
  damage.remove('receipt 1')
}

/** A bit of the object that has this label. */
export function flipped(label: string): Make {
  return (damage) => {
    damage.flip(label, 60)
  }
}
