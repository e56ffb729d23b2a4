// A copy of the code with a mistake in it, and the model run on that copy in a process of its own: nothing in
// the code that ships knows of mutants.

import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Edit } from './mutants.ts'

const ROOT = join(import.meta.dirname, '..', '..')

/** What the model says of a configuration with these changes: '' where it finds nothing. */
export function runMutated(edits: readonly Edit[], configuration: string): string {
  const copy = mkdtempSync(join(tmpdir(), 'cairn-mutant-'))
  try {
    for (const folder of ['src', 'test/model', 'test/repositories'])
      cpSync(join(ROOT, folder), join(copy, folder), { recursive: true })
    cpSync(join(ROOT, 'package.json'), join(copy, 'package.json'))
    symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
    for (const edit of edits) apply(copy, edit)
    return run(copy, configuration)
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

function apply(copy: string, { file, find, replace }: Edit): void {
  const path = join(copy, file)
  const before = readFileSync(path, 'utf8')
  const parts = before.split(find)
  if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times: ${find}`)
  writeFileSync(path, parts.join(replace))
}

function run(copy: string, configuration: string): string {
  try {
    execFileSync(process.execPath, [join(copy, 'test/model/run.ts'), configuration], {
      encoding: 'utf8',
      stdio: 'pipe',
      maxBuffer: 64 * 1024 * 1024,
    })
    return ''
  } catch (error) {
    const { status, stdout, stderr } = error as { status: number; stdout: string; stderr: string }
    if (status !== 3) throw new Error(`the model broke with ${status}: ${stderr}`, { cause: error })
    return stdout
  }
}
