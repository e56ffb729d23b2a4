// One large compressible file: both cores must have work.

import { createHash } from 'node:crypto'
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { measure, median } from './measure.ts'
import { cairn } from './peers.ts'

const FILE_BYTES = 4 * 2 ** 30
const RUNS = 3

export function cores(work: string, say: (line: string) => void): void {
  const source = join(work, 'source')
  mkdirSync(source)
  writeCompressible(join(source, 'large'), FILE_BYTES)
  const walls: Record<number, number[]> = { 1: [], 2: [] }
  for (let run = 0; run < RUNS; run++) {
    for (const workers of [1, 2]) {
      const peer = cairn(join(work, `${run}-${workers}`), ['--workers', String(workers)])
      mkdirSync(join(peer.repository, '..'), { recursive: true })
      measure(peer.init())
      const { wallSeconds, peakMebibytes } = measure(peer.backup(source))
      say(`${workers} workers: ${wallSeconds.toFixed(1)} s, ${peakMebibytes.toFixed(0)} MiB`)
      walls[workers]?.push(wallSeconds)
    }
  }
  const ratio = median(walls[1] ?? []) / median(walls[2] ?? [])
  say(`two workers are ${ratio.toFixed(2)} times as fast as one (target: 1.6)`)
}

const WORDS = 4096
const BLOCK_BYTES = 4 * 1024 * 1024

/** Text-like data that compresses to about a third and does not repeat. */
export function writeCompressible(path: string, bytes: number): void {
  const words = Array.from({ length: WORDS }, (_, i) => {
    const hex = createHash('md5').update(String(i)).digest('hex')
    return Buffer.from(`${hex.slice(0, 4 + (i % 8))} `)
  })
  const block = Buffer.alloc(BLOCK_BYTES)
  let state = 1
  const fd = openSync(path, 'w')
  for (let written = 0; written < bytes; ) {
    let at = 0
    while (at + 16 < BLOCK_BYTES) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      const word = words[state >>> 20] as Buffer
      word.copy(block, at)
      at += word.length
    }
    writeSync(fd, block, 0, at)
    written += at
  }
  closeSync(fd)
}
