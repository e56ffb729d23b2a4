// What a first backup costs beyond the work that must be done to every byte: the same bytes go through the
// kernels one after the other, on one thread and without anything around them; what the backup takes more
// is for walking, opening, threads, trees, packs, and the garbage of all that.

import { randomBytes } from 'node:crypto'
import { closeSync, lstatSync, mkdirSync, openSync, readdirSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { crc32, KeyedHasher, sha256 } from '../src/base/hash.ts'
import { Chunker } from '../src/chunker/chunker.ts'
import { DEFAULT_PARAMETERS } from '../src/chunker/parameters.ts'
import { compressFrame, sealFrameInto } from '../src/packer/frame.ts'
import { FRAME_TARGET_BYTES } from '../src/packer/frame-builder.ts'
import { Seal } from '../src/sealer/seal.ts'
import { measure } from './measure.ts'
import { cairn } from './peers.ts'

const GROUP_BYTES = 64 * 1024 * 1024
const GROUP_FILES = 500
const STEPS = ['read', 'CRC-32', 'cut', 'hash', 'compress', 'seal', 'SHA-256'] as const

interface Part {
  readonly path: string
  readonly offset: number
  readonly length: number
}

export function beyond(source: string, work: string, say: (line: string) => void): void {
  const kernels = new Kernels()
  let files = 0
  for (const group of groupsOf(source)) {
    files += group.filter(({ offset }) => offset === 0).length
    kernels.run(group)
  }
  for (const step of STEPS) say(`${step.padEnd(10)} ${kernels.seconds[step].toFixed(2)} s`)
  const sum = STEPS.reduce((total, step) => total + kernels.seconds[step], 0)
  const peer = cairn(join(work, 'repository'))
  mkdirSync(join(peer.repository, '..'), { recursive: true })
  measure(peer.init())
  const { cpuSeconds } = measure(peer.backup(source))
  const each = (1e6 * (cpuSeconds - sum)) / files
  say(`${files} files: kernels ${sum.toFixed(1)} s, backup ${cpuSeconds.toFixed(1)} s of CPU`)
  say(`beyond the kernels ${each.toFixed(0)} us for each file (target: 60)`)
}

/** Runs of files that are dealt with together, in the order of a walk. */
function* groupsOf(source: string): Generator<readonly Part[]> {
  let group: Part[] = []
  let bytes = 0
  for (const part of partsOf(source)) {
    if (bytes + part.length > GROUP_BYTES || group.length >= GROUP_FILES) {
      yield group
      group = []
      bytes = 0
    }
    group.push(part)
    bytes += part.length
  }
  yield group
}

function* partsOf(folder: string): Generator<Part> {
  for (const name of readdirSync(folder).sort()) {
    const path = join(folder, name)
    const stat = lstatSync(path)
    if (stat.isDirectory()) yield* partsOf(path)
    if (!stat.isFile()) continue
    yield { path, offset: 0, length: Math.min(stat.size, GROUP_BYTES) }
    for (let offset = GROUP_BYTES; offset < stat.size; offset += GROUP_BYTES)
      yield { path, offset, length: Math.min(stat.size - offset, GROUP_BYTES) }
  }
}

class Kernels {
  readonly seconds = Object.fromEntries(STEPS.map((step) => [step, 0])) as Record<
    (typeof STEPS)[number],
    number
  >
  readonly #chunker = new Chunker({
    key: randomBytes(32),
    parameters: DEFAULT_PARAMETERS,
    memoryBytes: GROUP_BYTES,
  })
  readonly #hasher = new KeyedHasher(randomBytes(32))
  readonly #seal = new Seal(randomBytes(32))
  readonly #known = new Set<string>()

  run(group: readonly Part[]): void {
    const { memory } = this.#chunker
    const fds = group.map(({ path }) => openSync(path, 'r'))
    let at = 0
    const places = group.map(({ length }) => {
      at += length
      return { start: at - length, length }
    })
    const views = places.map(({ start, length }) => memory.subarray(start, start + length))
    this.#time('read', () => {
      views.forEach((view, i) =>
        readSync(fds[i] as number, view, 0, view.length, group[i]?.offset ?? 0),
      )
    })
    for (const fd of fds) closeSync(fd)
    this.#time('CRC-32', () => {
      for (const view of views) crc32(view)
    })
    const chunks = this.#time('cut', () => places.flatMap((place) => this.#cut(place)))
    const ids = this.#time('hash', () => chunks.map((chunk) => this.#hasher.hash(chunk)))
    const fresh = chunks.filter((_, i) => this.#isNew(ids[i] as Uint8Array))
    const compressed = this.#time('compress', () =>
      framesOf(fresh).map((frame) => compressFrame(frame, 'auto')),
    )
    const rooms = compressed.map(({ sealedBytes }) => new Uint8Array(sealedBytes))
    this.#time('seal', () => {
      compressed.forEach((frame, i) => {
        sealFrameInto(rooms[i] as Uint8Array, frame, { seal: this.#seal, aad: NO_AAD })
      })
    })
    this.#time('SHA-256', () => {
      for (const room of rooms) sha256(room)
    })
  }

  #cut({ start, length }: { start: number; length: number }): readonly Uint8Array[] {
    const chunks: Uint8Array[] = []
    for (let done = 0; done < length; ) {
      const cut = this.#chunker.cut(start + done, length - done, true)
      chunks.push(this.#chunker.memory.subarray(start + done, start + done + cut))
      done += cut
    }
    return chunks
  }

  #isNew(id: Uint8Array): boolean {
    const before = this.#known.size
    return this.#known.add(Buffer.from(id).toString('latin1')).size > before
  }

  #time<T>(step: (typeof STEPS)[number], work: () => T): T {
    const before = process.cpuUsage()
    const result = work()
    const { user, system } = process.cpuUsage(before)
    this.seconds[step] += (user + system) / 1e6
    return result
  }
}

const NO_AAD = new Uint8Array(0)

/** Long chunks by themselves, short ones together. */
function framesOf(chunks: readonly Uint8Array[]): readonly Uint8Array[] {
  const frames: Uint8Array[] = []
  let gathered: Uint8Array[] = []
  let bytes = 0
  for (const chunk of chunks) {
    if (chunk.length >= FRAME_TARGET_BYTES) frames.push(chunk)
    else {
      gathered.push(chunk)
      bytes += chunk.length
    }
    if (bytes < FRAME_TARGET_BYTES) continue
    frames.push(Buffer.concat(gathered))
    gathered = []
    bytes = 0
  }
  return bytes === 0 ? frames : [...frames, Buffer.concat(gathered)]
}
