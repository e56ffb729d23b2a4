// What reading workers are set up with, for tests of their parts.

import type { WorkerSetup } from '../../src/engine/backup/messages.ts'
import { newPackMemory } from '../../src/engine/backup/pack-memory.ts'
import { newReadRate } from '../../src/engine/backup/read-rate.ts'
import { newClaimMemory } from '../../src/repository/claims.ts'
import { buildImage } from '../../src/repository/index-image-build.ts'

/** Keys of zeros, nothing known, nothing claimed. */
export function readingSetup(changes: Partial<WorkerSetup> = {}): WorkerSetup {
  const key = new Uint8Array(32)
  return {
    chunkerKey: key,
    chunker: { minBytes: 64, avgBytes: 256, maxBytes: 1024 },
    dataIdKey: key,
    frameKey: key,
    frameAad: key,
    level: 3,
    image: buildImage([]).handle,
    claims: newClaimMemory(),
    usedPacks: new SharedArrayBuffer(1),
    packMemory: newPackMemory({ packs: 2, packBytes: 1 << 21 }),
    readRate: newReadRate(0),
    reading: new SharedArrayBuffer(8),
    ...changes,
  }
}
