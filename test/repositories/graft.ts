// Snapshots whose trees no file system had: made node by node, and committed like those of a backup.

import { systemClock } from '../../src/base/clock.ts'
import { commit } from '../../src/engine/backup/commit.ts'
import { KnownBlobs } from '../../src/engine/backup/known-blobs.ts'
import { PackStream } from '../../src/engine/backup/pack-stream.ts'
import { TreeWriter } from '../../src/engine/backup/tree-writer.ts'
import { encode } from '../../src/format/codec.ts'
import type { BlobId } from '../../src/format/ids.ts'
import { type TreeNode, treeNodeCodec } from '../../src/format/tree.ts'
import { Claims, newClaimMemory } from '../../src/repository/claims.ts'
import { loadIndex } from '../../src/repository/index-load.ts'
import { type Repository, selectDomain } from '../../src/repository/repository.ts'
import { openDetails, type Snapshot } from '../../src/repository/snapshots.ts'
import { systemRandom } from '../../src/sealer/random.ts'
import { Seal } from '../../src/sealer/seal.ts'
import { beginSession, frameBinding } from '../../src/sealer/session.ts'

/** Commits a snapshot like `model`, but of the tree that `build` makes. */
export async function graft(
  repository: Repository,
  model: Snapshot,
  build: (put: (node: TreeNode) => BlobId) => BlobId,
): Promise<void> {
  const domain = selectDomain(repository)
  const { session, frameKey } = beginSession(domain.scope, domain.latest)
  const packs = new PackStream({
    repository,
    domain,
    session,
    random: systemRandom,
    clock: systemClock,
    uploadBytesMax: 72 << 20,
    frameBytesMax: 1 << 20,
    onFailure: (error) => {
      throw error
    },
  })
  const trees = new TreeWriter({
    domain,
    known: new KnownBlobs(await loadIndex(repository, domain)),
    claims: new Claims(newClaimMemory()),
    frameSeal: { seal: new Seal(frameKey), aad: frameBinding(domain.scope, session, 'tree-pack') },
    level: 3,
    onFrame: (frame) => packs.addTrees(frame),
  })
  const root = build((node) => trees.put(encode(treeNodeCodec, node)))
  trees.flush()
  await packs.flush()
  await packs.commitIndex()
  const { summary } = model
  const details = openDetails(repository, model)
  await commit({
    repository,
    domain,
    summary: { ...summary, roots: [root], sequence: summary.sequence + 1 },
    details: { ...details, paths: [Uint8Array.of(0x2f)] },
    stored: packs.stored,
    relied: [],
    clock: systemClock,
  })
}
