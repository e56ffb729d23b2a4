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

/** Text-like data that compresses to about a third and does not repeat. */
export function writeCompressible(path: string, bytes: number): void {
  const fd = openSync(path, 'w')
  for (let written = 0, block = 0; written < bytes; block++) {
    const words = Array.from({ length: 4096 }, (_, i) =>
      createHash('md5')
        .update(`${block}:${i >> 3}`)
        .digest('hex')
        .slice(0, 4 + (i % 8)),
    )
    const text = Buffer.from(words.join(' '))
    writeSync(fd, text)
    written += text.length
  }
  closeSync(fd)
}
