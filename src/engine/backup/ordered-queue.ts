// Things that are begun in one order and finished in another, and are wanted in the first: what is
// finished early waits for those before it.

export interface Ticket<T> {
  value: T | undefined
}

export class OrderedQueue<T> {
  readonly #onNext: (value: T) => void
  readonly #waiting: Ticket<T>[] = []
  #first = 0

  /** `onNext` is called for each value, in the order of the tickets. */
  constructor(onNext: (value: T) => void) {
    this.#onNext = onNext
  }

  get isEmpty(): boolean {
    return this.#first === this.#waiting.length
  }

  get length(): number {
    return this.#waiting.length - this.#first
  }

  reserve(): Ticket<T> {
    const ticket = { value: undefined }
    this.#waiting.push(ticket)
    return ticket
  }

  resolve(ticket: Ticket<T>, value: T): void {
    ticket.value = value
    if (this.#waiting[this.#first] === ticket) this.#advance()
  }

  /** The same as reserving and resolving at once. */
  push(value: T): void {
    if (this.isEmpty) this.#onNext(value)
    else this.resolve(this.reserve(), value)
  }

  #advance(): void {
    for (;;) {
      const value = this.#waiting[this.#first]?.value
      if (value === undefined) break
      this.#first++
      this.#onNext(value)
    }
    if (this.#first < 1024 && this.#first < this.#waiting.length) return
    this.#waiting.splice(0, this.#first)
    this.#first = 0
  }
}
