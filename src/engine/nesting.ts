// Generators that go through trees, one for each folder, kept on a stack of ours. Inside each other by
// `yield*` each entry would pass through all the folders above it, and in trees that are deep enough
// the stack would be full. Meanwhile the event loop gets its turns: where all nodes are in memory nothing
// else would let a signal come through.

/** Yielded where `yield*` would stand: its value is what the inner generator returns. */
export class Into<T, R> {
  readonly inner: AnyNested<T, R>

  constructor(inner: AnyNested<T, R>) {
    this.inner = inner
  }
}

export type Nested<T, R> = AsyncGenerator<T | Into<T, R>, R, R>

/** One that has nothing to wait for itself. */
export type NestedSync<T, R> = Generator<T | Into<T, R>, R, R>

type AnyNested<T, R> = Nested<T, R> | NestedSync<T, R>

/** How many steps may be done before others have their turn: a step takes some microseconds. */
const STEPS_AT_ONCE = 64

/** What the generators yield, as if they were inside each other. */
export async function* flattened<T, R>(first: AnyNested<T, R>): AsyncGenerator<T, undefined> {
  const nesting = new Nesting(first)
  try {
    for (let steps = 1; ; steps++) {
      const next = await nesting.step()
      if (next === DONE) return undefined
      if (next instanceof Into) nesting.enter(next.inner)
      else if (next !== LEFT) yield next
      if (steps % STEPS_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve))
    }
  } finally {
    await nesting.close()
  }
}

const DONE = Symbol('done')
const LEFT = Symbol('left')

type Step<T, R> = IteratorResult<T | Into<T, R>, R>
type Outcome<R> = { readonly value: R } | { readonly error: unknown }

class Nesting<T, R> {
  readonly #stack: AnyNested<T, R>[]
  /** How the generator ended that the one on top waits for. */
  #outcome: Outcome<R> | undefined

  constructor(first: AnyNested<T, R>) {
    this.#stack = [first]
  }

  enter(inner: AnyNested<T, R>): void {
    this.#stack.push(inner)
  }

  /** Lets the innermost go on. An error goes to the one outside of it, and from the outermost to us. */
  async step(): Promise<T | Into<T, R> | typeof DONE | typeof LEFT> {
    const outcome = this.#outcome
    this.#outcome = undefined
    const top = this.#stack.at(-1)
    if (top === undefined) return DONE
    try {
      const next = await resume(top, outcome)
      if (next.done !== true) return next.value
      this.#outcome = { value: next.value }
    } catch (error) {
      if (this.#stack.length === 1) throw error
      this.#outcome = { error }
    }
    this.#stack.pop()
    return LEFT
  }

  /** Where nobody wants any more: all are ended, the innermost first. */
  async close(): Promise<void> {
    for (let top = this.#stack.pop(); top !== undefined; top = this.#stack.pop())
      await top.return(undefined as R)
  }
}

function resume<T, R>(
  generator: AnyNested<T, R>,
  outcome: Outcome<R> | undefined,
): Step<T, R> | Promise<Step<T, R>> {
  if (outcome === undefined) return generator.next(undefined as R)
  return 'error' in outcome ? generator.throw(outcome.error) : generator.next(outcome.value)
}
