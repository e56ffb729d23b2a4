// Memory must not grow with what is backed up: a file of 20 GB, half of it a hole, and a folder of a
// million files, to which one is added then.

import { execFileSync } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import { closeSync, mkdirSync, openSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { measure } from './measure.ts'
import { cairn } from './peers.ts'

const LARGE_BYTES = 20 * 2 ** 30
const RANDOM_BYTES = 6 * 2 ** 30
const FILES = 1_000_000

export function memory(work: string, say: (line: string) => void): void {
  large(work, say)
  million(work, say)
}

function large(work: string, say: (line: string) => void): void {
  const source = join(work, 'large')
  mkdirSync(source)
  writeSparse(join(source, 'file'))
  for (const options of [[], ['--workers', '1', '--memory', 'low']]) {
    const peer = cairn(join(work, `large-${options.length}`), options)
    mkdirSync(join(peer.repository, '..'), { recursive: true })
    measure(peer.init())
    const { wallSeconds, peakMebibytes } = measure(peer.backup(source))
    say(
      `20 GB file ${options.join(' ')}: ${wallSeconds.toFixed(1)} s, ${peakMebibytes.toFixed(0)} MiB`,
    )
  }
}

function million(work: string, say: (line: string) => void): void {
  const source = join(work, 'million')
  mkdirSync(source)
  for (let i = 0; i < FILES; i++) writeFileSync(join(source, `file-${i}`), `content ${i % 1000}`)
  const peer = cairn(join(work, 'million-repository'))
  mkdirSync(join(peer.repository, '..'), { recursive: true })
  measure(peer.init())
  const first = measure(peer.backup(source))
  say(`a million files: ${first.wallSeconds.toFixed(1)} s, ${first.peakMebibytes.toFixed(0)} MiB`)
  const before = sizeOf(peer.repository)
  writeFileSync(join(source, 'one-more'), 'one more')
  const second = measure(peer.backup(source))
  const added = (sizeOf(peer.repository) - before) / 1024
  say(
    `one more: ${second.wallSeconds.toFixed(1)} s, ${second.peakMebibytes.toFixed(0)} MiB, ${added.toFixed(0)} KiB stored`,
  )
}

function writeSparse(path: string): void {
  const fd = openSync(path, 'w')
  const block = Buffer.alloc(4 * 2 ** 20)
  for (let at = 0; at < RANDOM_BYTES; at += block.length) {
    randomFillSync(block)
    writeSync(fd, block, 0, block.length, at * 2)
  }
  closeSync(fd)
  truncateSync(path, LARGE_BYTES)
}

function sizeOf(folder: string): number {
  return Number.parseInt(measureSize(folder), 10)
}

function measureSize(folder: string): string {
  return execFileSync('du', ['-sb', folder], { encoding: 'utf8' })
}
