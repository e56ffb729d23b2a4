import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** On a clean checkout nobody knows which files take long: those that do come first, so that none is left alone. */
class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const isLong = ({ moduleId }: TestSpecification) =>
      /\/test\/(model|damaged|crash)\//.test(moduleId)
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))]
  }
}

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'tools/**/*.test.ts', 'bench/**/*.test.ts'],
    pool: 'forks',
    // What one file has compiled and made quick the next one need not: a fifth less time. A file must leave nothing
    // behind that another could trip over.
    isolate: false,
    // One for each core of the smallest machine that must be quick enough.
    maxWorkers: 2,
    // Node 24 loses a process now and then, with a check of V8's own that fails: less code is made and thrown
    // away without the first of its compilers, and others have seen no more of it (nodejs/node#62393). And as in
    // bin/cairn: the machine code with which WebAssembly calls JavaScript is not made anew.
    execArgv: ['--no-sparkplug', '--wasm-wrapper-tiering-budget=1000000000'],
    reporters: ['default', './test/reporter.ts'],
    sequence: { sequencer: LongFirst },
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
