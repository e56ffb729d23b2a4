// Restores in a process of its own, to be killed: repository folder, folder, target, secret in hexadecimal.

import { utf8 } from '../../src/base/bytes.ts'
import { systemClock } from '../../src/base/clock.ts'
import { splitPath } from '../../src/engine/paths.ts'
import { restore } from '../../src/engine/restore.ts'
import { openRepository } from '../../src/repository/repository.ts'
import { loadSnapshots, type Snapshot } from '../../src/repository/snapshots.ts'
import { openLocal } from '../../src/store/local/local-store.ts'
import { withThrottle } from '../../src/store/throttle.ts'

const [path = '', from = '', target = '', secret = ''] = process.argv.slice(2)
// Slowly, so that the kill comes in the middle.
const local = openLocal({ path, clock: systemClock })
const store = withThrottle(local, { clock: systemClock, downloadBytesPerSecond: 6_000_000 })
const repository = await openRepository(store, {
  credential: { kind: 'secret', secret: new Uint8Array(Buffer.from(secret, 'hex')) },
})
const { snapshots } = await loadSnapshots(repository)
await restore({
  repository,
  snapshot: snapshots.at(-1) as Snapshot,
  path: splitPath(Buffer.from(from)),
  target: utf8(target),
  include: [],
  exclude: [],
  overwrite: 'if-changed',
  delete: true,
  owners: 'numbers',
  dryRun: false,
  verify: false,
  workers: 1,
  signal: new AbortController().signal,
  onProgress: () => undefined,
  onProblem: () => undefined,
  onPlanned: () => undefined,
})
