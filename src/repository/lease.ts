// A lease says that a session is at work (design, section 5). Each renewal is a new object; the session
// removes its own when it ends. A lease protects effort, never safety: failing to renew one is told,
// and stops nothing.

import { type Bytes, toHex } from '../base/bytes.ts'
import type { Clock } from '../base/clock.ts'
import { encode } from '../format/codec.ts'
import { encodePrefix } from '../format/prefix.ts'
import { type Lease, leaseCodec } from '../format/records.ts'
import { sealSigned } from '../sealer/signed.ts'
import type { DomainAccess } from './access.ts'
import type { Repository } from './repository.ts'

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

  async release(): Promise<void> {
    clearInterval(this.#timer)
    const { store } = this.#options.repository
    try {
      for (const name of this.#names.splice(0)) await store.remove(name)
    } catch (error) {
      this.#options.onProblem(error) // it runs out by itself
    }
  }

  async #renew(): Promise<void> {
    const { repository, domain, sessionId, purpose, host, clock } = this.#options
    const number = ++this.#number
    const { epoch } = domain.latest
    const prefix = encodePrefix({ kind: 'lease', domain: domain.id, epoch })
    const payload = encode(leaseCodec, {
      sessionId,
      number,
      purpose,
      host,
      renewedMs: clock.nowMs(),
    })
    const sealed = sealSigned(payload, {
      place: { repositoryId: repository.id, prefix, part: 'body' },
      signatory: domain.signatory,
      headerSeal: domain.headerSeal(epoch),
    })
    const name = `leases/${toHex(sessionId)}/${number}`
    await repository.store.put(name, [prefix, sealed])
    this.#names.push(name)
    if (this.#names.length > 2) await repository.store.remove(this.#names.shift() as string)
  }
}
