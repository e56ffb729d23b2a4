// How long it takes to plan what to forget of 10,000 snapshots of 100 sources: the real program, its start and
// the opening of the repository included. The first time each snapshot and receipt is opened and verified.

import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../src/base/clock.ts'
import type { Details, Summary } from '../src/format/snapshot.ts'
import { createRepository } from '../src/repository/create.ts'
import { openRepository, type Repository } from '../src/repository/repository.ts'
import { putReceipt, putSnapshot, sourceIdOf } from '../src/repository/snapshots.ts'
import { systemRandom } from '../src/sealer/random.ts'
import { unsyncedCalls } from '../src/store/local/folder-calls.ts'
import { openLocal } from '../src/store/local/local-store.ts'
import { digestInName } from '../src/store/names.ts'

const SNAPSHOTS = 10_000
const SOURCES = 100
const RUNS = 4
const CAIRN = fileURLToPath(new URL('../bin/cairn', import.meta.url))

/** Prints how long each run takes. */
export async function forget(work: string, say: (line: string) => void): Promise<void> {
  const [path, key] = [join(work, 'repository'), join(work, 'key')]
  const secret = new Uint8Array(randomBytes(32))
  writeFileSync(key, secret, { mode: 0o600 })
  const store = openLocal({ path, clock: systemClock, create: true, calls: unsyncedCalls })
  const credential = { kind: 'secret', secret } as const
  const wrapping = { kind: 'secret', salt: systemRandom(32) } as const
  const making = { random: systemRandom, clock: systemClock }
  await createRepository(store, { credential, wrapping, ...making })
  const repository = await openRepository(store, { credential })
  for (let i = 0; i < SNAPSHOTS; i++) await save(repository, i)
  for (let run = 1; run <= RUNS; run++) {
    const began = performance.now()
    execFileSync(
      CAIRN,
      ['forget', '--keep-hourly', '24', '--keep-daily', '7', '--keep-yearly', '10', '--dry-run'],
      {
        env: { PATH: process.env['PATH'], HOME: work, CAIRN_REPOSITORY: path, CAIRN_KEY_FILE: key },
        maxBuffer: 2 ** 26,
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    )
    const took = Math.round(performance.now() - began)
    say(`plan of forgetting ${SNAPSHOTS} snapshots, run ${run}: ${took} ms`)
  }
}

async function save(repository: Repository, number: number): Promise<void> {
  const [domain] = repository.domains
  if (domain === undefined) throw new Error('no domain')
  const source = `source ${number % SOURCES}`
  const sessionId = systemRandom(16)
  const nowMs = systemClock.nowMs()
  const said = { startedMs: nowMs, endedMs: nowMs, sourceId: sourceIdOf(domain, source), sessionId }
  const sequence = 1 + Math.floor(number / SOURCES)
  const name = await putSnapshot(repository, {
    domain,
    summary: { ...SUMMARY, ...said, sequence },
    details: { ...DETAILS, source },
  })
  const snapshot = digestInName(name) as Uint8Array
  await putReceipt(repository, { domain, receipt: { snapshot, sessionId, confirmedMs: nowMs } })
}

const SUMMARY: Omit<
  Summary,
  'detailsHash' | 'sourceId' | 'sequence' | 'sessionId' | 'startedMs' | 'endedMs'
> = {
  roots: [new Uint8Array(32)],
  predecessor: undefined,
  ending: 'complete',
  files: 1000,
  folders: 100,
  others: 0,
  unreadable: 0,
  sizeBytes: 1e9,
  addedBytes: 1e6,
  addedStoredBytes: 1e6,
  program: 'bench',
  replaces: undefined,
  copyOf: undefined,
}

const DETAILS: Omit<Details, 'source'> = {
  host: 'host',
  user: 'user',
  paths: [],
  tags: [],
  problems: [],
  root: undefined,
  original: undefined,
}
