// Packs of trees, which the main thread fills. Their memory is bounded: a frame for which there is none
// waits, with those behind it, until a store has acknowledged a pack.

import type { Bytes } from '../../base/bytes.ts'
import type { Clock } from '../../base/clock.ts'
import {
  type FinishedPack,
  type PackWriter,
  packMemoryBytes,
  type SealedFrame,
} from '../../packer/pack-writer.ts'
import type { Random } from '../../sealer/random.ts'

/** So much may wait for memory before whoever makes more of it is asked to wait. */
const WAITING_BYTES_MAX = 4 * 1024 * 1024

export interface TreePacksOptions {
  /** Packs that are open or on their way. */
  readonly packs: number
  readonly packBytes: number
  readonly clock: Clock
  readonly newWriter: (memory: Bytes) => PackWriter
  /** Stores a pack; `stored` is to be called when its memory is not needed any more. */
  readonly store: (pack: FinishedPack, stored: () => void) => void
}

interface OpenPack {
  readonly writer: PackWriter
  readonly memory: Bytes
  readonly openedAtMs: number
}

export class TreePacks {
  readonly #options: TreePacksOptions
  readonly #free: Bytes[] = []
  /** How many runs of memory may still be made. */
  #left: number
  readonly #waiting: SealedFrame[] = []
  #waitingBytes = 0
  #open: OpenPack | undefined

  constructor(options: TreePacksOptions) {
    this.#options = options
    this.#left = options.packs
  }

  add(frame: SealedFrame): void {
    this.#waiting.push(frame)
    this.#waitingBytes += frame.sealed.length
    this.#fill()
  }

  get isEmpty(): boolean {
    return this.#open === undefined && this.#waiting.length === 0
  }

  /** Whether so much waits that whoever makes more should wait too. */
  get isBehind(): boolean {
    return this.#waitingBytes > WAITING_BYTES_MAX
  }

  /** Closes the pack that was opened before this, so that what is in it gets stored. */
  closeOlder(thanMs: number): void {
    if (this.#open !== undefined && this.#open.openedAtMs < thanMs) this.#close()
  }

  /** Closes the pack that is open and stores it, padded. */
  finish(random: Random): void {
    this.#close(random)
  }

  /** Puts what waits into packs, as far as there is memory for them. */
  #fill(): void {
    for (let frame = this.#waiting[0]; frame !== undefined; frame = this.#waiting[0]) {
      if (this.#open?.writer.fits(frame) === false) this.#close()
      this.#open ??= this.#begin(frame)
      if (this.#open === undefined) return
      this.#open.writer.add(frame)
      this.#waiting.shift()
      this.#waitingBytes -= frame.sealed.length
    }
  }

  /** Begins a pack for a frame; undefined where there is no memory for it now. */
  #begin(frame: SealedFrame): OpenPack | undefined {
    const { newWriter, clock } = this.#options
    const memory = this.#take(packMemoryBytes(frame.sealed.length))
    if (memory === undefined) return undefined
    return { writer: newWriter(memory), memory, openedAtMs: clock.monotonicMs() }
  }

  #close(random?: Random): void {
    const pack = this.#open
    if (pack === undefined) return
    this.#open = undefined
    this.#options.store(pack.writer.finish(random), () => {
      this.#giveBack(pack.memory)
      this.#fill()
    })
  }

  /** Memory of the usual length, or of `bytes` where a frame needs more; undefined where all is in use. */
  #take(bytes: number): Bytes | undefined {
    const { packBytes } = this.#options
    if (this.#left + this.#free.length === 0) return undefined
    const known = bytes > packBytes ? undefined : this.#free.pop()
    if (known !== undefined) return known
    if (this.#left > 0) this.#left--
    else this.#free.pop()
    return new Uint8Array(Math.max(bytes, packBytes))
  }

  #giveBack(memory: Bytes): void {
    if (memory.length === this.#options.packBytes) this.#free.push(memory)
    else this.#left++
  }
}
