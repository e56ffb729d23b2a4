// Loads the compiled scanning loop (kernel/cut.ts) and gives it a memory of a size that never
// changes. The module is read and compiled once per thread, each instance takes microseconds.

import { readFileSync } from 'node:fs'
import { CairnError } from '../base/errors.ts'
import { type ChunkerParameters, maskBits } from './parameters.ts'

// Node's types leave WebAssembly to the browser's; this is what is used of it here.
interface WasmMemory {
  readonly buffer: ArrayBuffer
}
interface WasmApi {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Memory: new (pages: { initial: number; maximum: number }) => WasmMemory
  readonly Instance: new (
    module: object,
    imports: { env: { memory: WasmMemory } },
  ) => { readonly exports: unknown }
}
interface KernelExports {
  configure(min: number, avg: number, max: number, smallBits: number, largeBits: number): void
  cut(at: number, length: number): number
}

export interface Kernel {
  /** All of the memory. Its beginning is the gear table, for the caller to fill. */
  readonly buffer: ArrayBuffer
  /** The length of the chunk that begins at `at`, or 0 if no byte of the `length` given matches. */
  readonly cut: (at: number, length: number) => number
}

const PAGE_BYTES = 65_536
const { Module, Memory, Instance } = (globalThis as unknown as { WebAssembly: WasmApi }).WebAssembly

let compiled: object | undefined

/** Makes an instance with a memory of at least `memoryBytes`. Throws `platform` for want of it. */
export function loadKernel(memoryBytes: number, parameters: ChunkerParameters): Kernel {
  compiled ??= new Module(readFileSync(new URL('kernel.wasm', import.meta.url)))
  const memory = reserve(Math.ceil(memoryBytes / PAGE_BYTES))
  const kernel = new Instance(compiled, { env: { memory } }).exports as KernelExports
  const { minBytes, avgBytes, maxBytes } = parameters
  const bits = maskBits(parameters)
  kernel.configure(minBytes, avgBytes, maxBytes, bits.small, bits.large)
  return { buffer: memory.buffer, cut: (at, length) => kernel.cut(at, length) }
}

function reserve(pages: number): WasmMemory {
  try {
    return new Memory({ initial: pages, maximum: pages })
  } catch (cause) {
    const mebibytes = Math.ceil((pages * PAGE_BYTES) / 2 ** 20)
    throw new CairnError('platform', `Cannot reserve ${mebibytes} MiB of memory for splitting.`, {
      hint: 'Use fewer workers, or raise the limit on memory (`ulimit -v`, or that of the container).',
      cause,
    })
  }
}
