// The last line of every test run: `N passed, N failed`, and `, N skipped` where there were any. A
// file that does not load, a hook that throws and an error outside any test count as failed, so the
// line never says 0 failed of a run that was not good. A run without a single test is not good.

import type { SerializedError } from 'vitest'
import type { Reporter, TestModule } from 'vitest/node'

export interface Tally {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

export function tallyLine({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}

function tallyOf(modules: readonly TestModule[], otherErrors: number): Tally {
  const count = { passed: 0, failed: otherErrors, skipped: 0, pending: 0 }
  for (const module of modules) {
    count.failed += module.errors().length
    for (const suite of module.children.allSuites()) count.failed += suite.errors().length
    for (const test of module.children.allTests()) count[test.result().state]++
  }
  return { ...count, failed: count.failed + count.pending }
}

export default class TallyReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const tally = tallyOf(modules, errors.length)
    if (tally.passed + tally.failed === 0 || tally.failed > 0) process.exitCode = 1
    process.stdout.write(`${tallyLine(tally)}\n`)
  }
}
