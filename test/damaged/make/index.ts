// Index segments that are missing, damaged, behind, wrong, or there twice.

import { utf8 } from '../../../src/base/bytes.ts'
import { sha256 } from '../../../src/base/hash.ts'
import { loadSegment } from '../../../src/repository/index-load.ts'
import { putSegment } from '../../../src/repository/index-write.ts'
import { type DescribedPack, packsOfSegment } from '../../../src/repository/pack-headers.ts'
import { type Repository, selectDomain } from '../../../src/repository/repository.ts'
import type { Damage } from './damage.ts'

export function missingIndex(damage: Damage): void {
  damage.remove('index 1')
  damage.remove('index 2')
}

export function damagedIndex(damage: Damage): void {
  damage.flip('index 1', 500)
}

/** It names a pack that is gone, and whose blobs nobody needs. */
export async function staleIndex(damage: Damage): Promise<void> {
  await putAgain(damage, ({ indexed, columns }) => ({
    indexed: { ...indexed, hash: sha256(utf8('gone')) },
    columns: { ...columns, ids: columns.ids.map((byte) => byte ^ 1) },
  }))
}

/** It says that a blob is in a pack where there is none, as after a compaction that was interrupted. */
export async function wrongIndex(damage: Damage): Promise<void> {
  await putAgain(damage, ({ indexed, columns }) => ({
    indexed,
    columns: { ...columns, ids: columns.ids.map((byte) => byte ^ 1) },
  }))
  damage.remove('index 1')
}

/** Both packs of the first backup are named by a second segment, together with those of the other. */
export async function duplicateIndex(damage: Damage): Promise<void> {
  const repository = await damage.open()
  const packs = [
    ...(await packsIn(repository, damage.named('index 1'))),
    ...(await packsIn(repository, damage.named('index 2'))),
  ]
  const domain = selectDomain(repository)
  await putSegment(repository, { domain, signatory: domain.signatory, packs, supersedes: [] })
}

/** Puts a segment with what the first one says, changed. */
async function putAgain(
  damage: Damage,
  change: (pack: DescribedPack) => DescribedPack,
): Promise<void> {
  const repository = await damage.open()
  const packs = await packsIn(repository, damage.named('index 1'))
  const domain = selectDomain(repository)
  const { signatory } = domain
  await putSegment(repository, { domain, signatory, packs: packs.map(change), supersedes: [] })
}

async function packsIn(repository: Repository, name: string): Promise<readonly DescribedPack[]> {
  const segment = await loadSegment(repository, { domain: selectDomain(repository), name })
  return segment === undefined ? [] : [...packsOfSegment(segment)]
}
