// Verifying thousands of signatures while the thread that has them goes on reading: a worker thread is given
// them, many in one message, because asking for each by itself takes half as long as verifying it. What it is
// given is public: no key that opens or signs leaves the thread that holds it.

import { type Bytes, concat, viewOf } from '../base/bytes.ts'
import { WorkerGroup } from '../base/worker-group.ts'
import { type Claim, isSignedBy } from './sign.ts'

/** In one message to the worker. */
const AT_ONCE = 256

/** From the worker: for each that it was given, in that order, 1 where the signature is right. */
export interface Verdicts {
  readonly verdicts: Uint8Array<ArrayBuffer>
}

export class Verifier {
  readonly #worker: WorkerGroup<Uint8Array<ArrayBuffer>, Verdicts> | undefined
  readonly #verdicts: number[] = []
  #added = 0
  #waiting: Claim[] = []
  #failure: Error | undefined
  #tell = () => {}

  /** Without `isMany` on the thread that asks, at once: starting another one takes as long as hundreds of them. */
  constructor({
    isMany,
    module = new URL('./verify-worker.ts', import.meta.url),
  }: {
    readonly isMany: boolean
    readonly module?: URL
  }) {
    if (!isMany) return
    this.#worker = new WorkerGroup<Uint8Array<ArrayBuffer>, Verdicts>({
      module,
      setups: [undefined],
      onMessage: (_, { verdicts }) => this.#take(verdicts),
      onFailure: (error) => {
        this.#failure ??= error
        this.#tell()
      },
    })
  }

  /** Its number: the place of its verdict among all. */
  add(claim: Claim): number {
    if (this.#worker === undefined) this.#verdicts.push(isSignedBy(claim) ? 1 : 0)
    else if (this.#waiting.push(claim) === AT_ONCE) this.#send()
    return this.#added++
  }

  /** Whether each signature that was added is right, as soon as that is known of all. Throws where the worker died. */
  async verdicts(): Promise<readonly boolean[]> {
    this.#send()
    while (this.#verdicts.length < this.#added) {
      if (this.#failure !== undefined) throw this.#failure
      await new Promise<void>((resolve) => {
        this.#tell = resolve
      })
    }
    return this.#verdicts.map((verdict) => verdict === 1)
  }

  async stop(): Promise<void> {
    await this.#worker?.stop()
  }

  #send(): void {
    if (this.#waiting.length === 0) return
    const packed = packClaims(this.#waiting)
    this.#worker?.post(0, packed, [packed.buffer])
    this.#waiting = []
  }

  #take(verdicts: Uint8Array): void {
    this.#verdicts.push(...verdicts)
    this.#tell()
  }
}

/** For each three lengths, then what has them. */
function packClaims(claims: readonly Claim[]): Uint8Array<ArrayBuffer> {
  return concat(
    claims.flatMap(({ verifyKey, signature, message }) => {
      const parts = [verifyKey, signature, message]
      const lengths = new Uint8Array(4 * parts.length)
      parts.forEach(({ length }, i) => viewOf(lengths).setUint32(4 * i, length))
      return [lengths, ...parts]
    }),
  )
}

export function unpackClaims(packed: Bytes): readonly Claim[] {
  const claims: Claim[] = []
  let at = 0
  const take = (length: number) => packed.subarray(at, (at += length))
  while (at < packed.length) {
    const lengths = viewOf(take(12))
    const verifyKey = take(lengths.getUint32(0))
    const signature = take(lengths.getUint32(4))
    claims.push({ verifyKey, signature, message: take(lengths.getUint32(8)) })
  }
  return claims
}
