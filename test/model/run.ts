// Goes through one configuration: `node test/model/run.ts NAME [STATES]`. Ends with 3 where something is lost,
// and prints the way there.

import './remembered.ts'
import { CONFIGURATIONS } from './configurations.ts'
import { exhaust } from './exhaust.ts'
import { Violation } from './explore.ts'

const [name = '', states] = process.argv.slice(2)
const configuration = CONFIGURATIONS[name]
if (configuration === undefined)
  throw new Error(`Which configuration? One of ${Object.keys(CONFIGURATIONS).join(', ')}`)
try {
  const began = performance.now()
  const outcome = await exhaust(configuration, states === undefined ? undefined : Number(states))
  const seconds = Math.round((performance.now() - began) / 100) / 10
  process.stdout.write(`${JSON.stringify({ ...outcome, seconds })}\n`)
} catch (error) {
  if (!(error instanceof Violation)) throw error
  process.stdout.write(`${error.message}\n`)
  process.exitCode = 3
}
