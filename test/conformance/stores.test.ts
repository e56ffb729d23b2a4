// The suite over every kind of store, each as it is and as the program wraps it.

import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/base/clock.ts'
import { openCacheFolder, withCache } from '../../src/store/cache.ts'
import { newCounts, withCounting } from '../../src/store/counting.ts'
import { withFaults } from '../../src/store/fault.ts'
import { randomFaults } from '../../src/store/fault-rates.ts'
import { unsyncedCalls } from '../../src/store/local/folder-calls.ts'
import { openLocal } from '../../src/store/local/local-store.ts'
import { openMemory } from '../../src/store/memory.ts'
import { DEFAULT_RETRIES, withRetry } from '../../src/store/retry.ts'
import { seededRandom } from '../../src/store/seeded-random.ts'
import type { Store } from '../../src/store/store.ts'
import { withThrottle } from '../../src/store/throttle.ts'
import { DEFAULT_TIMEOUTS, systemTimer, withTimeout } from '../../src/store/timeout.ts'
import { describeStore, type StoreUnderTest } from './store-suite.ts'

const clock = systemClock

type Wrap = (store: Store, scratch: string) => Store

/** Without fsync, for the sake of 10,000 objects; local-power-cut.test.ts shows that part. */
async function openLocalUnderTest(wrap: Wrap): Promise<StoreUnderTest> {
  const scratch = await mkdtemp(join(tmpdir(), 'cairn-store-'))
  const path = join(scratch, 'deep', 'repository')
  const open = () => wrap(openLocal({ path, clock, create: true, calls: unsyncedCalls }), scratch)
  return {
    store: open(),
    second: open(),
    addJunk: () => addJunk(path),
    dispose: () => rm(scratch, { recursive: true }),
  }
}

async function openMemoryUnderTest(wrap: Wrap): Promise<StoreUnderTest> {
  const scratch = await mkdtemp(join(tmpdir(), 'cairn-store-'))
  const memory = openMemory({ clock })
  const dispose = () => rm(scratch, { recursive: true })
  return { store: wrap(memory, scratch), second: wrap(memory, scratch), dispose }
}

/** Files, folders and links in all the places where objects are looked for. */
async function addJunk(path: string): Promise<void> {
  const hex = 'ab'.repeat(32)
  await mkdir(join(path, 'packs', 'zz'), { recursive: true })
  await mkdir(join(path, 'packs', 'ab', hex), { recursive: true })
  await mkdir(join(path, 'lost+found'))
  await mkdir(join(path, 'keys', '.git'), { recursive: true })
  await mkdir(join(path, 'leases', hex), { recursive: true })
  for (const name of [
    ['.DS_Store'],
    ['packs', 'Thumbs.db'],
    ['packs', hex],
    ['packs', 'ab', 'cd'.repeat(32)],
    ['packs', 'ab', `${hex}.tmp`],
    ['packs', 'ab', 'AB'.repeat(32)],
    ['index', 'readme.txt'],
    ['snapshots', '\xff\n'],
    ['leases', '7'],
    ['leases', hex, 'x'],
  ]) {
    await writeFile(join(path, ...name), 'junk')
  }
  await symlink('/etc/passwd', join(path, 'config', '9'))
  await symlink('/etc', join(path, 'index', hex))
}

const asItIs: Wrap = (store) => store

const asTheProgramDoes: Wrap = (store, scratch) => {
  const counted = withCounting(store, newCounts())
  const timed = withTimeout(counted, {
    startTimer: systemTimer,
    ...DEFAULT_TIMEOUTS,
  })
  const throttled = withThrottle(timed, { clock, uploadBytesPerSecond: 1e12 })
  const retried = withRetry(throttled, {
    clock,
    random: seededRandom(1),
    ...DEFAULT_RETRIES,
    firstDelayMs: 1,
    delayMsMax: 2,
  })
  const cache = openCacheFolder({ path: join(scratch, 'cache'), clock })
  return withCache(retried, { cache, bytesMax: 1_000_000 })
}

/** Every kind of failure that a store may have and that waiting cures. */
const throughFaults: Wrap = (store, scratch) => {
  const decide = randomFaults({
    random: seededRandom(2),
    rates: { fail: 0.08, 'lose-reply': 0.05, delay: 0.01 },
    delayMsMax: 3,
  })
  return asTheProgramDoes(withFaults(store, { clock, decide }), scratch)
}

describeStore('memory', () => openMemoryUnderTest(asItIs))
describeStore('memory, as the program wraps it', () => openMemoryUnderTest(asTheProgramDoes))
describeStore('memory, through faults', () => openMemoryUnderTest(throughFaults))
describeStore('local folder', () => openLocalUnderTest(asItIs))
describeStore('local folder, as the program wraps it', () => openLocalUnderTest(asTheProgramDoes))
describeStore('local folder, through faults', () => openLocalUnderTest(throughFaults))
