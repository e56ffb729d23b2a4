// Backs up in a process of its own, to be killed: repository folder, source, secret in hexadecimal.

import { systemClock } from '../../src/base/clock.ts'
import { backup } from '../../src/engine/backup.ts'
import { openRepository, selectDomain } from '../../src/repository/repository.ts'
import { systemRandom } from '../../src/sealer/random.ts'
import { openLocal } from '../../src/store/local/local-store.ts'
import { NO_CATALOG } from '../repositories/no-catalog.ts'

const [path = '', source = '', secret = ''] = process.argv.slice(2)
const store = openLocal({ path, clock: systemClock })
const repository = await openRepository(store, {
  credential: { kind: 'secret', secret: new Uint8Array(Buffer.from(secret, 'hex')) },
})
await backup({
  repository,
  domain: selectDomain(repository),
  source: { kind: 'files', walk: { roots: [Buffer.from(source)] } },
  sourceName: 'source',
  host: 'host',
  user: 'user',
  tags: [],
  program: 'test',
  workers: 1,
  uploadBytesMax: 1_500_000,
  level: 3,
  readBytesPerSecond: 10_000_000,
  ignoreCtime: false,
  ignoreInode: false,
  skipIfUnchanged: false,
  dryRun: false,
  cacheFolder: `${source}.cache`,
  catalog: NO_CATALOG,
  clock: systemClock,
  random: systemRandom,
  signal: new AbortController().signal,
  checkpointMs: 3_600_000,
  onProgress: () => undefined,
  onWarning: () => undefined,
  onProblem: () => undefined,
  onSkipped: () => undefined,
})
