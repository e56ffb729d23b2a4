// Compiles the chunking kernel to src/chunker/kernel.wasm, which is committed, so that neither
// installing nor running needs a compiler. With --check it writes nothing and fails where the
// committed bytes are not what the source compiles to.

import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'

const root = fileURLToPath(new URL('..', import.meta.url))
const committed = `${root}src/chunker/kernel.wasm`

const FLAGS = [
  '-O3',
  '--noAssert',
  '--runtime=stub',
  '--importMemory',
  '--noExportMemory',
  '--disable=bulk-memory',
  '--outFile=kernel.wasm',
]

async function compile(): Promise<Uint8Array> {
  let wasm: Uint8Array | undefined
  const writeFile = (_name: string, contents: string | Uint8Array): void => {
    if (typeof contents !== 'string') wasm = contents
  }
  const args = ['cut.ts', `--baseDir=${root}src/chunker/kernel`, ...FLAGS]
  const { error } = await asc.main(args, { writeFile, stderr: process.stderr })
  if (error !== null) throw error
  if (wasm === undefined) throw new Error('Cannot compile the kernel: the compiler wrote nothing')
  return wasm
}

const wasm = await compile()
if (!process.argv.includes('--check')) {
  writeFileSync(committed, wasm)
} else if (!readFileSync(committed).equals(wasm)) {
  process.stderr.write('src/chunker/kernel.wasm is stale. Run `npm run build:kernel`.\n')
  process.exitCode = 1
}
