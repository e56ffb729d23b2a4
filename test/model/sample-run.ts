// Samples by hand: `node test/model/sample-run.ts [--seed N] [--runs K] [--steps M] [--config NAME] [--minutes T]`,
// or `--replay FILE` of a run that failed. Ends with 3 where something is lost, after it has shrunk the run,
// printed it and written its decisions to a file.

import './remembered.ts'
import { readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Sampled, sample } from './sample.ts'
import { SAMPLE_CONFIGURATIONS, type SampleConfiguration } from './sample-configurations.ts'
import { type Failing, shrink } from './shrink.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    runs: { type: 'string' },
    steps: { type: 'string' },
    config: { type: 'string' },
    minutes: { type: 'string' },
    replay: { type: 'string' },
    trace: { type: 'boolean', default: false },
    shrinks: { type: 'string', default: '2000' },
  },
})

/** A run that failed, as a file. */
interface Recorded {
  readonly config: string
  readonly decisions: readonly number[]
  readonly steps: number | undefined
}

const stepsMax = values.steps === undefined ? undefined : Number(values.steps)
const names = Object.keys(SAMPLE_CONFIGURATIONS)

/** Without a name each seed has a configuration of its own. */
function configOf(seed: number): string {
  return values.config ?? (names[seed % names.length] as string)
}

function configuration(name: string): SampleConfiguration {
  const found = SAMPLE_CONFIGURATIONS[name]
  if (found !== undefined) return found
  throw new Error(`there is no ${name}, only ${names.join(', ')}`)
}

if (values.replay === undefined) await sampleSeeds()
else await replay(JSON.parse(readFileSync(values.replay, 'utf8')) as Recorded)

async function sampleSeeds(): Promise<void> {
  const first = Number(values.seed)
  const runs = values.runs === undefined ? undefined : Number(values.runs)
  const untilMs = performance.now() + 60_000 * Number(values.minutes ?? Number.POSITIVE_INFINITY)
  const last = runs ?? (values.minutes === undefined ? 1 : Number.POSITIVE_INFINITY)
  const counts = new Map<string, number>()
  const began = performance.now()
  let done = 0
  for (; done < last && performance.now() < untilMs; done++) {
    const seed = first + done
    const config = configOf(seed)
    const sampled = await sample(configuration(config), { seed }, { stepsMax })
    for (const [kind, count] of sampled.counts) counts.set(kind, (counts.get(kind) ?? 0) + count)
    if (values.trace) process.stdout.write(`${sampled.trace.join('\n')}\n`)
    if (sampled.violation === undefined) continue
    process.stdout.write(`seed ${seed} of ${config}: ${sampled.violation}\n`)
    return fail(config, sampled)
  }
  const seconds = Math.round((performance.now() - began) / 100) / 10
  process.stdout.write(
    `${JSON.stringify({ runs: done, seconds, ...Object.fromEntries(counts) })}\n`,
  )
}

async function replay({ config, decisions, steps }: Recorded): Promise<void> {
  const list = { list: decisions }
  const { trace, violation } = await sample(configuration(config), list, { stepsMax: steps })
  process.stdout.write(`${trace.join('\n')}\n${violation ?? 'nothing is wrong'}\n`)
  process.exitCode = violation === undefined ? 0 : 3
}

async function fail(config: string, { decisions, violation }: Sampled): Promise<void> {
  process.exitCode = 3
  const file = join(tmpdir(), `cairn-sample-${process.pid}.json`)
  const write = (found: Failing) => {
    const recorded: Recorded = { config, decisions: found.decisions, steps: stepsMax }
    writeFileSync(file, JSON.stringify(recorded))
  }
  const failing = { decisions, violation: violation as string, trace: [] }
  write(failing)
  process.stdout.write(`decisions: ${decisions.length}, in ${file}\n`)
  const run = (list: readonly number[]) => sample(configuration(config), { list }, { stepsMax })
  const shrunk = await shrink(failing, { run, runsMax: Number(values.shrinks) })
  write(shrunk)
  process.stdout.write(`${shrunk.trace.join('\n')}\n${shrunk.violation}\n`)
  process.stdout.write(`shrunk to ${shrunk.decisions.length} decisions, in ${file}\n`)
}
