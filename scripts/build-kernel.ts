// Compiles the chunking kernel to src/chunker/kernel.wasm, which is committed, so that neither
// installing nor running needs a compiler. With --check it writes nothing and fails where the
// committed bytes are not what the source compiles to.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const committed = `${root}src/chunker/kernel.wasm`
const asc = `${root}node_modules/assemblyscript/bin/asc.js`

const FLAGS = [
  '-O3',
  '--noAssert',
  '--runtime=stub',
  '--importMemory',
  '--noExportMemory',
  '--disable=bulk-memory',
]

/** Runs the compiler as a program: its types would declare AssemblyScript's globals for all of us. */
function compile(): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), 'cairn-kernel-'))
  try {
    const out = join(folder, 'kernel.wasm')
    const args = [
      asc,
      'cut.ts',
      `--baseDir=${root}src/chunker/kernel`,
      ...FLAGS,
      `--outFile=${out}`,
    ]
    execFileSync(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
    return readFileSync(out)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const wasm = compile()
if (!process.argv.includes('--check')) {
  writeFileSync(committed, wasm)
} else if (!readFileSync(committed).equals(wasm)) {
  process.stderr.write('src/chunker/kernel.wasm is stale. Run `npm run build:kernel`.\n')
  process.exitCode = 1
}
