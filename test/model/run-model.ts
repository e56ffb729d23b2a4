// The model in a process of its own: as it ships, or on a copy of the code with a mistake in it. Nothing in the
// code that ships knows of mutants.

import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Edit } from './mutant.ts'

const ROOT = join(import.meta.dirname, '..', '..')

/** What the run printed, and whether something was lost. */
export interface ModelRun {
  readonly isLost: boolean
  readonly printed: string
}

/** Goes through a configuration, as run.ts with these options. Throws where the model itself fails. */
export function runModel(
  configuration: string,
  {
    root = ROOT,
    options = [],
  }: { readonly root?: string; readonly options?: readonly string[] } = {},
): ModelRun {
  return run(root, 'run.ts', [configuration, ...options])
}

/** Samples, as sample-run.ts with these arguments. Throws where the model itself fails. */
export function runSamples(options: readonly string[], root = ROOT): ModelRun {
  return run(root, 'sample-run.ts', options)
}

function run(root: string, program: string, given: readonly string[]): ModelRun {
  const arguments_ = ['--max-old-space-size=4096', join(root, 'test/model', program), ...given]
  const options = { encoding: 'utf8', stdio: 'pipe', maxBuffer: 64 * 1024 * 1024 } as const
  try {
    return { isLost: false, printed: execFileSync(process.execPath, arguments_, options) }
  } catch (error) {
    const { status, stdout, stderr } = error as { status: number; stdout: string; stderr: string }
    if (status !== 3) throw new Error(`the model ended with ${status}: ${stderr}`, { cause: error })
    return { isLost: true, printed: stdout }
  }
}

/** Calls `act` with a copy of the code that has these changes. */
export function withMutation<T>(edits: readonly Edit[], act: (root: string) => T): T {
  const copy = mkdtempSync(join(tmpdir(), 'cairn-mutant-'))
  try {
    for (const folder of ['src', 'test/model', 'test/repositories'])
      cpSync(join(ROOT, folder), join(copy, folder), { recursive: true })
    cpSync(join(ROOT, 'package.json'), join(copy, 'package.json'))
    symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
    for (const edit of edits) apply(copy, edit)
    return act(copy)
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

/** Goes through a configuration on such a copy. */
export function runMutated(edits: readonly Edit[], configuration: string): ModelRun {
  return withMutation(edits, (root) => runModel(configuration, { root }))
}

function apply(copy: string, { file, find, replace }: Edit): void {
  const path = join(copy, file)
  const parts = readFileSync(path, 'utf8').split(find)
  if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times: ${find}`)
  writeFileSync(path, parts.join(replace))
}
