// `npm run bench`: everything is measured side by side in one run, and ratios are what counts.
//
//     npm run bench                      /usr against restic and borg, three interleaved runs
//     npm run bench -- compare FOLDER [RUNS]
//     npm run bench -- kernels [FOLDER]  each kernel, and what a first backup costs beyond them
//     npm run bench -- memory            a 20 GB file, a folder of a million files, one worker with little memory
//     npm run bench -- cores             one 4 GB file with one and with two workers
//     npm run bench -- forget            the plan of forgetting 10,000 snapshots
//     npm run bench:scale [index|prune]  large repositories that nobody had to back up

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beyond } from './beyond.ts'
import { compare, tables } from './compare.ts'
import { cores } from './cores.ts'
import { forget } from './forget.ts'
import { kernels } from './kernels.ts'
import { memory } from './memory.ts'
import { scale } from './scale.ts'

const [what = 'compare', ...rest] = process.argv.slice(2)
const say = (line: string): void => void process.stdout.write(`${line}\n`)
const base = fileURLToPath(new URL('work', import.meta.url))
execFileSync('mkdir', ['-p', base])
const work = mkdtempSync(join(base, 'run-'))

try {
  machine()
  if (what === 'compare') {
    const [source = '/usr', runs = '3'] = rest
    say(tables(compare({ source, work, runs: Number(runs), say })))
  } else if (what === 'kernels') {
    kernels(rest[1] ?? process.execPath, say)
    beyond(rest[0] ?? '/usr', work, say)
  } else if (what === 'memory') memory(work, say)
  else if (what === 'cores') cores(work, say)
  else if (what === 'forget') await forget(work, say)
  else if (what === 'scale') scale(work, { say, what: rest[0] ?? '' })
  else throw new Error(`There is no benchmark called ${what}`)
} finally {
  rmSync(work, { recursive: true, force: true })
}

function machine(): void {
  const versions = ['restic version', 'borg --version'].map((command) => firstLine(command))
  say(
    `${cpus().length} x ${cpus()[0]?.model}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Node ${process.versions.node}`,
  )
  say(versions.join('; '))
}

function firstLine(command: string): string {
  const [program = '', ...args] = command.split(' ')
  try {
    return execFileSync(program, args, { encoding: 'utf8' }).split('\n')[0] ?? ''
  } catch {
    return `${program} is not installed`
  }
}
