// The speed of each thing that is done to every byte, on one thread: what a backup cannot be faster than.

import { createCipheriv, randomBytes } from 'node:crypto'
import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { crc32, KeyedHasher, sha256 } from '../src/base/hash.ts'
import { Chunker } from '../src/chunker/chunker.ts'
import { DEFAULT_PARAMETERS } from '../src/chunker/parameters.ts'
import { Seal } from '../src/sealer/seal.ts'

const BYTES = 64 * 1024 * 1024
const FRAME_BYTES = 512 * 1024
const ROUNDS = 5

/** Prints one line for each kernel; `file` gives the data and is at least 64 MiB long. */
export function kernels(file: string, say: (line: string) => void): void {
  if (statSync(file).size < BYTES) throw new Error(`${file} is shorter than 64 MiB`)
  const chunker = new Chunker({
    key: randomBytes(32),
    parameters: DEFAULT_PARAMETERS,
    memoryBytes: BYTES,
  })
  const data = chunker.memory
  const fd = openSync(file, 'r')
  const key = randomBytes(32)
  const hasher = new KeyedHasher(key)
  const seal = new Seal(key)
  const frames = Array.from({ length: BYTES / FRAME_BYTES }, (_, i) =>
    data.subarray(i * FRAME_BYTES, (i + 1) * FRAME_BYTES),
  )
  const level = (value: number) => ({
    params: { [constants.ZSTD_c_compressionLevel]: value },
    chunkSize: FRAME_BYTES + 4096,
  })
  const speeds: readonly (readonly [string, () => void])[] = [
    [
      'read',
      () => frames.forEach((frame, i) => readSync(fd, frame, 0, FRAME_BYTES, i * FRAME_BYTES)),
    ],
    ['CRC-32', () => crc32(data)],
    ['cut', () => cutAll(chunker)],
    ['hash (BLAKE3, 512 KiB)', () => frames.forEach((frame) => hasher.hash(frame))],
    [
      'compress (zstd 1, 512 KiB)',
      () => frames.forEach((frame) => zstdCompressSync(frame, level(1))),
    ],
    [
      'compress (zstd 3, 512 KiB)',
      () => frames.forEach((frame) => zstdCompressSync(frame, level(3))),
    ],
    ['AES-256-GCM (512 KiB)', () => frames.forEach((frame) => encrypt(key, frame))],
    ['seal (512 KiB)', () => frames.forEach((frame) => seal.seal(key, frame))],
    ['SHA-256 (512 KiB)', () => frames.forEach((frame) => sha256(frame))],
  ]
  for (const [name, work] of speeds) say(`${name.padEnd(28)} ${speed(work)}`)
  const compressed = frames.map((frame) => zstdCompressSync(frame, level(3)))
  say(
    `${'decompress (zstd 3)'.padEnd(28)} ${speed(() => compressed.forEach((frame) => zstdDecompressSync(frame)))}`,
  )
  closeSync(fd)
}

function encrypt(key: Uint8Array, frame: Uint8Array): void {
  const cipher = createCipheriv('aes-256-gcm', key, new Uint8Array(12), { authTagLength: 16 })
  cipher.update(frame)
  cipher.final()
}

function cutAll(chunker: Chunker): void {
  for (let at = 0; at < BYTES; ) at += chunker.cut(at, BYTES - at, true)
}

/** Megabytes a second: the median of several rounds. */
function speed(work: () => void): string {
  work()
  const rounds = Array.from({ length: ROUNDS }, () => {
    const start = performance.now()
    work()
    return BYTES / 1e3 / (performance.now() - start)
  }).sort((a, b) => a - b)
  return `${(rounds[Math.floor(ROUNDS / 2)] ?? 0).toFixed(0).padStart(6)} MB/s`
}
