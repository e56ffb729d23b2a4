// One step of `scale`, in a process of its own: prints what it found as JSON, with the peak of its memory.

import { join } from 'node:path'
import { systemClock } from '../src/base/clock.ts'
import { planPrune } from '../src/engine/prune.ts'
import type { BlobId } from '../src/format/ids.ts'
import { IndexCache } from '../src/repository/index-cache.ts'
import { imageBytes } from '../src/repository/index-image.ts'
import { type Index, loadIndex } from '../src/repository/index-load.ts'
import { PackListing } from '../src/repository/pack-listing.ts'
import { selectDomain } from '../src/repository/repository.ts'
import { median } from './measure.ts'
import {
  farStore,
  fillIndex,
  fillSnapshots,
  LARGE_FILES,
  localStore,
  MIXED_FILES,
  openSynthetic,
} from './synthetic.ts'

const DAY_MS = 86_400_000

type Figures = Readonly<Record<string, number>>

const [step = '', folder = '', size = '', shape = ''] = process.argv.slice(2)

const STEPS: Readonly<Record<string, () => Promise<Figures>>> = {
  'fill-index': async () => {
    const files = shape === 'mixed' ? MIXED_FILES : LARGE_FILES
    await fillIndex(folder, { blobs: Number(size), ...files })
    return {}
  },
  'load-segments': () => load(undefined),
  'load-cache': async () => {
    const indexCache = new IndexCache({ folder: join(folder, 'images'), clock: systemClock })
    const figures = await load(indexCache)
    await indexCache.settled()
    return figures
  },
  'fill-snapshots': async () => {
    const blobs = Number(size)
    const trees = { treeBlobs: blobs / 10, refsPerTree: 20 }
    await fillSnapshots(folder, { snapshots: 200, dataBlobs: 0.9 * blobs, ...trees })
    return {}
  },
  'plan-prune': prune,
}

const figures = await (STEPS[step] as () => Promise<Figures>)()
process.stdout.write(JSON.stringify({ peakMebibytes: peak(), ...figures }))

function peak(): number {
  return process.resourceUsage().maxRSS / 1024
}

async function load(indexCache: IndexCache | undefined): Promise<Figures> {
  const repository = { ...(await openSynthetic(farStore(folder))), indexCache }
  const domain = selectDomain(repository)
  let index: Index | undefined
  const cpu = process.cpuUsage()
  const loadMs = await timed(async () => {
    index = await loadIndex(repository, domain)
  })
  const { user, system } = process.cpuUsage(cpu)
  const { image, packs } = index as Index
  const peakMebibytes = peak()
  const lists: number[] = []
  for (let i = 0; i < 3; i++) lists.push(await timed(() => PackListing.of(repository.store)))
  return {
    packs: packs.length,
    frames: image.frames,
    listMs: median(lists),
    loadMs,
    cpuMs: (user + system) / 1000,
    bytesPerBlob: imageBytes(image.handle) / image.blobs,
    lookupNs: lookUp(index as Index),
    peakMebibytes,
  }
}

/** Some blobs from all over the repository: the processor has none of it at hand. */
function lookUp({ image }: Index): number {
  const ids: BlobId[] = []
  let at = 0
  for (const id of image.ids()) if (at++ % 97 === 0) ids.push(id)
  const before = performance.now()
  for (const id of ids) image.locate(id)
  return (1e6 * (performance.now() - before)) / ids.length
}

async function prune(): Promise<Figures> {
  const repository = await openSynthetic(localStore(folder))
  const limits = { windowMs: 0, graceMs: DAY_MS, moveBytesMax: 2 ** 40, unusedMax: 0.05 }
  let dead = 0
  let packs = 0
  const planMs = await timed(async () => {
    const { domains } = await planPrune(
      { repository, limits },
      { nowMs: systemClock.nowMs() + 40 * DAY_MS },
    )
    dead = domains[0]?.mark.packs.length ?? 0
    packs = domains[0]?.liveness.packs.length ?? 0
  })
  return { planMs, dead, packs }
}

async function timed(act: () => Promise<unknown>): Promise<number> {
  const before = performance.now()
  await act()
  return performance.now() - before
}
