// A lease says that a session is at work (design, section 5). Each renewal is a new object; the session
// removes its own when it ends. A lease protects effort, never safety: failing to renew one is told,
// and stops nothing. Its stamp also tells what time it is by the store's clock, the only one that counts.

import { type Bytes, toHex } from '../base/bytes.ts'
import type { Clock } from '../base/clock.ts'
import { CairnError } from '../base/errors.ts'
import { type Lease, leaseCodec } from '../format/records.ts'
import type { DomainAccess } from './access.ts'
import { sealRecord } from './open-record.ts'
import type { Repository } from './repository.ts'
import { upkeepSignatory } from './upkeep-signatory.ts'

const RENEW_MS = 10 * 60 * 1000

export interface LeaseOptions {
  readonly repository: Repository
  readonly domain: DomainAccess
  readonly sessionId: Bytes
  readonly purpose: Lease['purpose']
  readonly host: string
  readonly clock: Clock
  readonly onProblem: (error: unknown) => void
}

export class HeldLease {
  readonly #options: LeaseOptions
  readonly #names: string[] = []
  #number = 0
  #timer: NodeJS.Timeout | undefined
  /** The last renewal that was begun; never rejects. */
  #renewing: Promise<unknown> = Promise.resolve()

  private constructor(options: LeaseOptions) {
    this.#options = options
  }

  /** Puts the first lease, and renews it until `release`. Throws where it cannot be put. */
  static async take(options: LeaseOptions): Promise<HeldLease> {
    const lease = new HeldLease(options)
    await lease.#renew()
    lease.#timer = setInterval(() => void lease.#renew().catch(options.onProblem), RENEW_MS)
    lease.#timer.unref()
    return lease
  }

  get sessionId(): Bytes {
    return this.#options.sessionId
  }

  /**
   * What time it is by the store's clock, milliseconds since 1970: the stamp of a renewal that is put now.
   * Throws what the store throws.
   */
  async storeNowMs(): Promise<number> {
    const { store } = this.#options.repository
    const info = await store.stat(await this.#renew())
    if (info !== undefined) return info.storedAtMs
    throw new CairnError(
      'store-unreadable',
      `Cannot tell the time of ${store.address}: a lease that was just put is gone`,
    )
  }

  async release(): Promise<void> {
    clearInterval(this.#timer)
    // Or it would put a lease that nobody removes.
    await this.#renewing
    const { store } = this.#options.repository
    try {
      for (const name of this.#names.splice(0)) await store.remove(name)
    } catch (error) {
      this.#options.onProblem(error) // it runs out by itself
    }
  }

  /** One after the other: by the timer, and by whoever asks for the time. */
  #renew(): Promise<string> {
    const renewed = this.#renewing.then(() => this.#putNext())
    this.#renewing = renewed.catch(() => undefined)
    return renewed
  }

  /** The first one stays, because its stamp says when the session began, and the two newest do. */
  async #putNext(): Promise<string> {
    const { repository, domain, sessionId, purpose, host, clock } = this.#options
    const number = ++this.#number
    const record = { sessionId, number, purpose, host, renewedMs: clock.nowMs() }
    const signatory = purpose === 'backup' ? domain.signatory : upkeepSignatory(repository, domain)
    const parts = sealRecord(repository, {
      domain,
      kind: 'lease',
      signatory,
      codec: leaseCodec,
      record,
    })
    const name = leaseName(sessionId, number)
    await repository.store.put(name, parts)
    this.#names.push(name)
    for (const old of this.#names.slice(1, -2)) {
      await repository.store.remove(old)
      this.#names.splice(this.#names.indexOf(old), 1)
    }
    return name
  }
}

export function leaseName(sessionId: Bytes, number: number): string {
  return `leases/${toHex(sessionId)}/${number}`
}
