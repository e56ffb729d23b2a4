// What is to be done when folders end. The end of one may end the one above it, and so on up to the
// root: done inside each other these would take as much stack as the tree is deep, and how deep it is
// is for any user of the machine to say. So they are done one after the other.

export class EndedFolders {
  readonly #waiting: (() => void)[] = []
  #busy = false

  /** Does it at once, or if something is being done already, after that. */
  take(finish: () => void): void {
    this.#waiting.push(finish)
    if (this.#busy) return
    this.#busy = true
    try {
      for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) next()
    } finally {
      this.#busy = false
    }
  }
}
