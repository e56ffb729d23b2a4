// Goes through all listed packs: of each at least the header is read and compared with what the index
// says; those that are chosen are read whole and given to the workers.

import { toHex } from '../../base/bytes.ts'
import { CairnError } from '../../base/errors.ts'
import { columnsOfPack } from '../../repository/index-recover.ts'
import { type ListedPack, readHeaderBehind, readPackPrefix } from '../../repository/pack-headers.ts'
import type { Repository } from '../../repository/repository.ts'
import { CheckPool } from './check-pool.ts'
import type { DomainCheck } from './domain-check.ts'
import type { OpenedObjects } from './opened-objects.ts'
import { factsOfHeader, nothingRead, type PackFacts } from './pack-facts.ts'
import type { Findings } from './problems.ts'

/** Headers on their way at a time. */
const PARALLEL_HEADERS = 16

export interface PackStageOptions {
  readonly repository: Repository
  readonly domains: readonly DomainCheck[]
  readonly opened: OpenedObjects
  readonly findings: Findings
  readonly workers: number
  readonly signal: AbortSignal
  /** Told of each pack; `bytes` is its length where all of it was read. */
  readonly onPack: (facts: PackFacts, bytes: number) => void
}

export class PackStage {
  readonly #options: PackStageOptions
  #pool: CheckPool | undefined

  constructor(options: PackStageOptions) {
    this.#options = options
  }

  /** Reads the headers of packs. */
  async readHeaders(packs: readonly ListedPack[]): Promise<void> {
    await this.#forEach(packs, PARALLEL_HEADERS, async (pack) =>
      this.#take(pack, await this.#header(pack), 0),
    )
  }

  /** Reads packs whole: at most one more than there are workers is in memory. */
  async readWhole(packs: readonly ListedPack[]): Promise<void> {
    if (packs.length === 0) return
    const { repository, domains, workers } = this.#options
    const setup = {
      repositoryId: repository.id,
      role: repository.role,
      domains: domains.map(({ domain }) => domain.openingKeys),
    }
    this.#pool = new CheckPool(setup, Math.min(workers, packs.length))
    try {
      await this.#forEach(packs, workers + 1, async (pack) =>
        this.#take(pack, await this.#whole(pack, this.#pool as CheckPool), pack.packBytes),
      )
    } finally {
      await this.#pool.stop()
    }
  }

  async #forEach(
    packs: readonly ListedPack[],
    parallel: number,
    act: (pack: ListedPack) => Promise<void>,
  ): Promise<void> {
    const next = packs.values()
    const work = async () => {
      for (const pack of next) {
        if (this.#options.signal.aborted) throw new CairnError('interrupted', 'Interrupted')
        await act(pack)
      }
    }
    await Promise.all(Array.from({ length: parallel }, work))
  }

  async #header(pack: ListedPack): Promise<PackFacts> {
    const { store } = this.#options.repository
    try {
      const prefix = await readPackPrefix(store, pack)
      const hex = toHex(prefix.domain)
      const domain = this.#domainOf({ domain: hex })?.domain
      if (domain === undefined) return { ...nothingRead(pack.name), domain: hex }
      return factsOfHeader(pack, await readHeaderBehind(store, { ...pack, prefix, domain }))
    } catch (error) {
      return this.#failed(pack, error)
    }
  }

  async #whole(pack: ListedPack, pool: CheckPool): Promise<PackFacts> {
    const { name } = pack
    try {
      const facts = await pool.check({ name, bytes: await this.#fetch(name) })
      this.#options.findings.noteRead()
      const domain = this.#domainOf(facts)
      const fallback = facts.header === undefined && domain && columnsOfPack(domain.index, name)
      if (!fallback) return facts
      // The header is lost; the index knows the frames all the same.
      return await pool.check({ name, bytes: await this.#fetch(name), fallback })
    } catch (error) {
      for (const domain of this.#options.domains) domain.losePack(name)
      return this.#failed(pack, error)
    }
  }

  /** Alone in its ArrayBuffer, as a store promises. */
  async #fetch(name: string): Promise<Uint8Array<ArrayBuffer>> {
    return (await this.#options.repository.store.get(name)) as Uint8Array<ArrayBuffer>
  }

  #failed({ name }: ListedPack, error: unknown): PackFacts {
    this.#options.findings.addError(name, error)
    return nothingRead(name)
  }

  #take(pack: ListedPack, facts: PackFacts, bytes: number): void {
    const { findings, onPack } = this.#options
    for (const problem of facts.problems) findings.add(problem)
    const domain = this.#domainOf(facts)
    if (domain === undefined) this.#expectKnown(facts)
    domain?.take(facts)
    this.#compare(pack, facts)
    onPack(facts, bytes)
  }

  #domainOf({ domain }: Pick<PackFacts, 'domain'>): DomainCheck | undefined {
    return this.#options.domains.find((one) => one.domain.hex === domain)
  }

  /** Of a domain that is not ours to open, the config must know at least that it exists. */
  #expectKnown({ name, domain }: PackFacts): void {
    const { repository, findings } = this.#options
    if (domain === undefined || repository.config.domains.some(({ id }) => toHex(id) === domain))
      return
    const what = `its domain ${domain} is none of this repository`
    findings.add({ kind: 'foreign', object: name, what })
  }

  /** With what index segments say of the pack. */
  #compare({ name, packBytes }: ListedPack, { header }: PackFacts): void {
    const { findings, opened } = this.#options
    const entries = opened.entries.get(name)
    if (entries === undefined && header !== undefined) {
      findings.note(name, 'no index segment names this pack, as an interrupted run leaves it')
    }
    for (const entry of entries ?? []) {
      if (entry.packBytes !== packBytes) {
        const what = `it has ${packBytes} bytes, and ${entry.segment} says ${entry.packBytes}`
        findings.add({ kind: 'mismatch', object: name, what })
      } else if (header !== undefined && toHex(entry.digest) !== toHex(header.digest)) {
        const what = `it says other things of ${name} than the pack's own header`
        findings.add({ kind: 'mismatch', object: entry.segment, what })
      }
    }
  }
}
