// Runs a program as a user would and takes the operating system's own accounting of it.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Measured {
  readonly wallSeconds: number
  /** User and system, of the program and everything that it started. */
  readonly cpuSeconds: number
  /** Of the largest single process. */
  readonly peakMebibytes: number
}

export interface Command {
  readonly argv: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

/** Runs a command to its end. Throws with the end of what it printed where it fails. */
export function measure({ argv, env = {}, cwd }: Command): Measured {
  const folder = mkdtempSync(join(tmpdir(), 'cairn-bench-'))
  const report = join(folder, 'time')
  try {
    const { status, stdout, stderr } = spawnSync(
      '/usr/bin/time',
      ['-f', '%e %U %S %M', '-o', report, ...argv],
      {
        env: { ...process.env, ...env },
        cwd,
        encoding: 'utf8',
        maxBuffer: 2 ** 30,
      },
    )
    if (status !== 0) {
      throw new Error(`${argv.join(' ')} ended with ${status}:\n${(stdout + stderr).slice(-2000)}`)
    }
    return parse(readFileSync(report, 'utf8'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function parse(report: string): Measured {
  const [wall = 0, user = 0, system = 0, peak = 0] = report.trim().split(/\s+/).map(Number)
  return { wallSeconds: wall, cpuSeconds: user + system, peakMebibytes: peak / 1024 }
}

/** The middle one of an odd number of values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

/** Medians of each figure by itself. */
export function medianOf(runs: readonly Measured[]): Measured {
  return {
    wallSeconds: median(runs.map((run) => run.wallSeconds)),
    cpuSeconds: median(runs.map((run) => run.cpuSeconds)),
    peakMebibytes: median(runs.map((run) => run.peakMebibytes)),
  }
}
