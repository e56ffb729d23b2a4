// Which states were reached already: a set of 64-bit numbers that may have a thousand million members.

/** Parts, each of which grows by itself: growing needs little more than what is there. */
const PARTS = 256
const FIRST_SLOTS = 1 << 8
const FULL = 0.8

export class Seen {
  readonly #parts = Array.from({ length: PARTS }, () => new Part(FIRST_SLOTS))

  /** Whether it was not there before. The halves are unsigned, 32 bits each. */
  add(high: number, low: number): boolean {
    const at = high >>> 24
    let part = this.#parts[at] as Part
    if (part.isFull) {
      part = part.grown()
      this.#parts[at] = part
    }
    return part.add(high, low)
  }
}

class Part {
  readonly #slots: Uint32Array
  readonly #capacity: number
  #count = 0
  /** The one that stands for a free slot. */
  #hasZero = false

  constructor(capacity: number) {
    this.#capacity = capacity
    this.#slots = new Uint32Array(2 * capacity)
  }

  get isFull(): boolean {
    return this.#count > FULL * this.#capacity
  }

  add(high: number, low: number): boolean {
    if (high === 0 && low === 0) {
      const isNew = !this.#hasZero
      this.#hasZero = true
      return isNew
    }
    const slots = this.#slots
    // The low half says where: the high one has said which part.
    let slot = Math.floor((low / 0x100000000) * this.#capacity)
    for (;;) {
      const a = slots[2 * slot] as number
      const b = slots[2 * slot + 1] as number
      if (a === high && b === low) return false
      if (a === 0 && b === 0) break
      slot = slot + 1 === this.#capacity ? 0 : slot + 1
    }
    slots[2 * slot] = high
    slots[2 * slot + 1] = low
    this.#count++
    return true
  }

  /** The same with half as much room again. */
  grown(): Part {
    const grown = new Part(Math.ceil(1.5 * this.#capacity))
    const slots = this.#slots
    for (let at = 0; at < slots.length; at += 2) {
      const [high, low] = [slots[at] as number, slots[at + 1] as number]
      if (high !== 0 || low !== 0) grown.add(high, low)
    }
    grown.#hasZero = this.#hasZero
    return grown
  }
}
