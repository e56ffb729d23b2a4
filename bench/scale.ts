// Repositories that are too large to make by backing up: how long loading an index and planning a prune takes,
// and how much memory. The targets are issue 3's. What is measured is what `docs/scale.md` says.

import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { median } from './measure.ts'

const STEP = fileURLToPath(new URL('scale-step.ts', import.meta.url))
/** As in bin/cairn. */
const LEAN = ['--max-semi-space-size=4', '--initial-old-space-size=16', '--heap-growing-percent=30']

type Say = (line: string) => void
type Figures = Readonly<Record<string, number>>

const INDEXES = [
  { blobs: 250_000, shape: 'large', runs: 5 },
  { blobs: 1_000_000, shape: 'large', runs: 9 },
  { blobs: 1_000_000, shape: 'mixed', runs: 9 },
  { blobs: 10_000_000, shape: 'large', runs: 3 },
] as const

const PRUNES = [
  { blobs: 500_000, runs: 3 },
  { blobs: 1_000_000, runs: 3 },
  { blobs: 2_000_000, runs: 3 },
] as const

/** `what` is 'index', 'prune' or both. */
export function scale(work: string, { say, what }: { say: Say; what: string }): void {
  if (what !== 'prune') for (const index of INDEXES) loadIndexes(join(work, 'index'), index, say)
  if (what !== 'index') for (const prune of PRUNES) planPrunes(join(work, 'prune'), prune, say)
}

function loadIndexes(
  folder: string,
  { blobs, shape, runs }: (typeof INDEXES)[number],
  say: Say,
): void {
  step('fill-index', folder, String(blobs), shape)
  const first = step('load-segments', folder)
  const built = medians(Math.min(runs, 3), () => step('load-segments', folder))
  step('load-cache', folder)
  const kept = medians(runs, () => step('load-cache', folder))
  const { packs = 0, frames = 0, bytesPerBlob = 0, lookupNs = 0 } = kept
  say(
    `index of ${blobs} blobs, ${shape} files (${frames} frames, ${packs} packs): ` +
      `${bytesPerBlob.toFixed(1)} bytes a blob, ${lookupNs.toFixed(0)} ns to locate one`,
  )
  say(`  segments, not in the cache   ${times(first)}`)
  say(`  segments, in the cache       ${times(built)}`)
  say(`  image, in the cache          ${times(kept)}`)
  rmSync(folder, { recursive: true })
}

function times({ loadMs = 0, cpuMs = 0, listMs = 0, peakMebibytes = 0 }: Figures): string {
  const own = loadMs - listMs
  return (
    `${own.toFixed(0)} ms beyond the ${listMs.toFixed(0)} ms of listing packs ` +
    `(${cpuMs.toFixed(0)} ms of CPU together), ${peakMebibytes.toFixed(0)} MiB`
  )
}

function planPrunes(folder: string, { blobs, runs }: (typeof PRUNES)[number], say: Say): void {
  step('fill-snapshots', folder, String(blobs))
  const figures = medians(runs, () => step('plan-prune', folder))
  const { planMs = 0, packs = 0, dead = 0, peakMebibytes = 0 } = figures
  say(
    `prune of ${blobs} blobs in 200 snapshots (${packs} packs, ${dead} to be marked): ` +
      `plans in ${(planMs / 1000).toFixed(1)} s, ${peakMebibytes.toFixed(0)} MiB`,
  )
  rmSync(folder, { recursive: true })
}

function step(...args: readonly string[]): Figures {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...LEAN, STEP, ...args], {
    env: { ...process.env, MALLOC_ARENA_MAX: '2' },
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}: ${stderr}`)
  return JSON.parse(stdout) as Figures
}

function medians(runs: number, run: () => Figures): Figures {
  const all = Array.from({ length: runs }, run)
  const names = Object.keys(all[0] ?? {})
  return Object.fromEntries(
    names.map((name) => [name, median(all.map((figures) => figures[name] ?? 0))]),
  )
}
