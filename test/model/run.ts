// Goes through one configuration: `node test/model/run.ts NAME [--whole] [--states MAX]`. Ends with 3 where
// something is lost, and prints the way there. --whole: also what independent.ts leaves out.

import { parseArgs } from 'node:util'
import './remembered.ts'
import { CONFIGURATIONS } from './configurations.ts'
import { exhaust } from './exhaust.ts'
import { Violation } from './explore.ts'

const { values, positionals } = parseArgs({
  options: { whole: { type: 'boolean', default: false }, states: { type: 'string' } },
  allowPositionals: true,
})
const [name = ''] = positionals
const configuration = CONFIGURATIONS[name]
if (configuration === undefined)
  throw new Error(`Which configuration? One of ${Object.keys(CONFIGURATIONS).join(', ')}`)
try {
  const began = performance.now()
  const statesMax = values.states === undefined ? {} : { statesMax: Number(values.states) }
  const outcome = await exhaust(configuration, { isWhole: values.whole, ...statesMax })
  const seconds = Math.round((performance.now() - began) / 100) / 10
  process.stdout.write(`${JSON.stringify({ ...outcome, seconds })}\n`)
} catch (error) {
  if (!(error instanceof Violation)) throw error
  process.stdout.write(`${error.message}\n`)
  process.exitCode = 3
}
