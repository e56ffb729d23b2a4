// Backs up, backs up again unchanged, restores and checks one source with each program in turn, several
// times over, and prints medians and ratios. One run of all programs follows the other, so that a machine
// whose speed drifts drifts for all.
//
// Each program finds the machine in the same state, that of one which has been up for a while: nothing is
// left to be written, all memory is in the page cache, the source last. (In a virtual machine a page that
// was free costs a fault of the host when it is used: up to 8 us, which is more than it takes to fill it.)

import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, truncateSync } from 'node:fs'
import { freemem } from 'node:os'
import { join } from 'node:path'
import { type Measured, measure, median, medianOf } from './measure.ts'
import { type Peer, peers } from './peers.ts'

export const PHASES = ['first backup', 'unchanged backup', 'restore', 'check'] as const
export type Phase = (typeof PHASES)[number]

export interface Comparison {
  readonly name: string
  readonly phases: Readonly<Record<Phase, Measured>>
  readonly repositoryMebibytes: number
}

export interface CompareOptions {
  readonly source: string
  readonly work: string
  readonly runs: number
  readonly say: (line: string) => void
}

interface OneRun {
  readonly phases: Record<Phase, Measured>
  readonly repositoryMebibytes: number
}

export function compare(options: CompareOptions): readonly Comparison[] {
  const { source, work, runs, say } = options
  const results = new Map<string, OneRun[]>()
  for (let run = 1; run <= runs; run++) {
    const folder = join(work, `run-${run}`)
    for (const peer of peers(folder)) {
      settle(work, source)
      const one = runPeer(peer, { source, target: join(work, `restored-${run}-${peer.name}`), say })
      results.set(peer.name, [...(results.get(peer.name) ?? []), one])
      rmSync(join(folder, peer.name), { recursive: true })
    }
  }
  return [...results].map(([name, all]) => ({
    name,
    phases: Object.fromEntries(
      PHASES.map((phase) => [phase, medianOf(all.map((one) => one.phases[phase]))]),
    ) as Record<Phase, Measured>,
    repositoryMebibytes: median(all.map((one) => one.repositoryMebibytes)),
  }))
}

function settle(work: string, source: string): void {
  execFileSync('sync')
  const filler = join(work, 'filler')
  const fd = openSync(filler, 'w')
  truncateSync(filler, Math.floor(0.9 * freemem()))
  closeSync(fd)
  readAll(filler)
  readAll(source)
}

function readAll(path: string): void {
  execFileSync('find', [path, '-xdev', '-type', 'f', '-exec', 'cat', '{}', '+'], {
    stdio: ['ignore', 'ignore', 'ignore'],
  })
}

/** A restored tree is only removed when all is measured: ext4 makes files slowly after a removal. */
function runPeer(
  peer: Peer,
  { source, target, say }: { source: string; target: string; say: (line: string) => void },
): OneRun {
  mkdirSync(join(peer.repository, '..'), { recursive: true })
  mkdirSync(target, { recursive: true })
  measure(peer.init())
  const phases = {
    'first backup': measure(peer.backup(source)),
    'unchanged backup': measure(peer.backup(source)),
    restore: measure(peer.restore(source, target)),
    check: measure(peer.check()),
  }
  const du = execFileSync('du', ['-s', '--block-size=1024', '--apparent-size', peer.repository], {
    encoding: 'utf8',
  })
  const repositoryMebibytes = Number.parseInt(du, 10) / 1024
  for (const phase of PHASES) say(`${peer.name}: ${phase}: ${describe(phases[phase])}`)
  return { phases, repositoryMebibytes }
}

function describe({ wallSeconds, cpuSeconds, peakMebibytes }: Measured): string {
  return `${wallSeconds.toFixed(1)} s, ${cpuSeconds.toFixed(1)} s CPU, ${peakMebibytes.toFixed(0)} MiB`
}

/** The figures that the program must reach: ours divided by theirs. */
const TARGETS: readonly {
  readonly what: string
  readonly of: (one: Comparison) => number
  readonly restic: number
  readonly borg: number
}[] = [
  {
    what: 'first backup, wall',
    of: (one) => one.phases['first backup'].wallSeconds,
    restic: 0.48,
    borg: 0.35,
  },
  {
    what: 'first backup, CPU',
    of: (one) => one.phases['first backup'].cpuSeconds,
    restic: 0.52,
    borg: 0.72,
  },
  {
    what: 'unchanged backup, wall',
    of: (one) => one.phases['unchanged backup'].wallSeconds,
    restic: 0.33,
    borg: 0.25,
  },
  { what: 'restore, wall', of: (one) => one.phases.restore.wallSeconds, restic: 0.6, borg: 0.25 },
  {
    what: 'check --read-data, wall',
    of: (one) => one.phases.check.wallSeconds,
    restic: 0.7,
    borg: 0.35,
  },
  { what: 'repository size', of: (one) => one.repositoryMebibytes, restic: 0.95, borg: 0.97 },
]

/** Two tables in Markdown: what each took, and the ratios with their targets. */
export function tables(comparisons: readonly Comparison[]): string {
  const lines = [
    '| | ' + PHASES.join(' | ') + ' | repository |',
    '|---|' + '---|'.repeat(PHASES.length + 1),
  ]
  for (const one of comparisons) {
    const cells = PHASES.map((phase) => describe(one.phases[phase]))
    lines.push(`| ${one.name} | ${cells.join(' | ')} | ${one.repositoryMebibytes.toFixed(0)} MiB |`)
  }
  lines.push('', '| cairn divided by | restic | target | borg | target |', '|---|---|---|---|---|')
  const [ours, restic, borg] = comparisons
  if (ours === undefined || restic === undefined || borg === undefined) return lines.join('\n')
  for (const { what, of, ...targets } of TARGETS) {
    const ratio = (peer: Comparison, target: number) => {
      const value = of(ours) / of(peer)
      return `${value.toFixed(2)}${value > target ? ' **missed**' : ''} | ${target}`
    }
    lines.push(`| ${what} | ${ratio(restic, targets.restic)} | ${ratio(borg, targets.borg)} |`)
  }
  return lines.join('\n')
}
