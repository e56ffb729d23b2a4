// Data packs while workers fill them, as the main thread sees them: frames are told of in any order, and
// hashed in the order in which they lie. A pack that is closed and complete goes on its way.

import type { Bytes } from '../../base/bytes.ts'
import type { Clock } from '../../base/clock.ts'
import type { FinishedPack, FrameFacts, PackWriter } from '../../packer/pack-writer.ts'
import type { Random } from '../../sealer/random.ts'
import type { PackMemory } from './pack-memory.ts'

/** A frame that a worker has sealed, and where. */
export interface PlacedFrame extends FrameFacts {
  readonly pack: number
  readonly offset: number
}

export interface DataPacksOptions {
  readonly memory: PackMemory
  readonly clock: Clock
  readonly newWriter: (memory: Bytes) => PackWriter
  /** Stores a pack; `stored` is to be called when its memory is not needed any more. */
  readonly store: (pack: FinishedPack, stored: () => void) => void
}

interface ArrivingPack {
  readonly writer: PackWriter
  readonly openedAtMs: number
  /** Frames with one before them still missing, by their offsets. */
  readonly early: Map<number, FrameFacts>
}

export class DataPacks {
  readonly #options: DataPacksOptions
  readonly #packs = new Map<number, ArrivingPack>()

  constructor(options: DataPacksOptions) {
    this.#options = options
  }

  /** Whether every frame that was told of is on its way. */
  get isEmpty(): boolean {
    return this.#packs.size === 0
  }

  take({ pack: number, offset, ...facts }: PlacedFrame): void {
    const { writer, early } = this.#packs.get(number) ?? this.#begin(number)
    early.set(offset, facts)
    for (let next = early.get(writer.bytes); next !== undefined; next = early.get(writer.bytes)) {
      early.delete(writer.bytes)
      writer.commit(next)
    }
    this.#storeIfComplete(number)
  }

  /** To be told when a worker has closed a pack. */
  closed(number: number): void {
    this.#storeIfComplete(number)
  }

  /** Closes the pack that was opened before this, so that what is in it gets stored. */
  closeOlder(thanMs: number): void {
    for (const [number, { openedAtMs }] of this.#packs)
      if (openedAtMs < thanMs && this.#options.memory.endOf(number) === undefined) this.#close()
  }

  /**
   * Closes the pack that is open and stores it, padded. To be called when no more frames come: a pack
   * that misses one, because its worker has died, stays.
   */
  finish(random: Random): void {
    this.#close(random)
  }

  #begin(number: number): ArrivingPack {
    const { memory, clock, newWriter } = this.#options
    const writer = newWriter(memory.pack(number))
    const pack = { writer, openedAtMs: clock.monotonicMs(), early: new Map() }
    this.#packs.set(number, pack)
    return pack
  }

  #close(random?: Random): void {
    const number = this.#options.memory.close()
    if (number !== undefined) this.#storeIfComplete(number, random)
  }

  #storeIfComplete(number: number, random?: Random): void {
    const { memory, store } = this.#options
    const pack = this.#packs.get(number)
    if (pack === undefined || pack.writer.bytes !== memory.endOf(number)) return
    this.#packs.delete(number)
    store(pack.writer.finish(random), () => memory.free(number))
  }
}
