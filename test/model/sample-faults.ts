// What comes of a call in a sampled run: its effect on the store, and what goes wrong with it.

import { CairnError, isCairnError } from '../../src/base/errors.ts'
import type { ObjectInfo } from '../../src/store/store.ts'
import type { Answer, Call } from './actor.ts'
import type { Decisions } from './decisions.ts'
import type { SampleActor, SampleAnswer } from './sample-actor.ts'
import {
  FAULTS,
  type FaultKind,
  lagMsOf,
  lateMsOf,
  type SampleConfiguration,
} from './sample-configurations.ts'
import type { SampleStore } from './sample-store.ts'
import type { Watch } from './sample-watch.ts'

export type StoreCall = Exclude<Call, { readonly kind: 'sleep' }>

const FAULTS_OF: Readonly<Record<StoreCall['kind'], readonly FaultKind[]>> = {
  put: ['lost-reply', 'failed', 'late', 'torn', 'slow'],
  get: ['failed', 'slow'],
  list: ['failed', 'slow', 'lagging-listing', 'stale-listing', 'broken-listing'],
  stat: ['failed', 'slow'],
  remove: ['lost-reply', 'failed', 'late', 'slow'],
}

export interface FaultOptions {
  readonly configuration: SampleConfiguration
  readonly store: SampleStore
  readonly watch: Watch
  readonly decisions: Decisions
  /** For the trace, and how often it happened. */
  readonly onLate: (call: StoreCall, actor: SampleActor) => void
  readonly onRefused: () => void
}

export class Faults {
  readonly #options: FaultOptions
  readonly #lagMs: number
  readonly #lateMs: number
  #fullUntilMs = 0
  #fullFrom = 0

  constructor(options: FaultOptions) {
    this.#options = options
    const { strongListing } = options.configuration
    this.#lagMs = lagMsOf(strongListing)
    this.#lateMs = lateMsOf(strongListing)
  }

  /** Objects of so many bytes and more are refused until then. */
  fill(options: { readonly untilMs: number; readonly fromBytes: number }): void {
    this.#fullUntilMs = options.untilMs
    this.#fullFrom = options.fromBytes
  }

  /** What goes wrong with a call. */
  choose(call: StoreCall, actor: SampleActor): FaultKind {
    const { configuration, decisions } = this.#options
    const weights = FAULTS.map((kind) => {
      if (kind === 'none') return 1
      const isPossible =
        FAULTS_OF[call.kind].includes(kind) &&
        this.#isPossible(kind, call.name) &&
        !(kind === 'failed' && isPassedOver(call, actor))
      return isPossible ? (configuration.faults[kind] ?? 0) * decisions.mood(kind) : 0
    })
    const isCertain = weights.every((weight, i) => i === 0 || weight === 0)
    return isCertain ? 'none' : (FAULTS[decisions.choose(weights)] as FaultKind)
  }

  #isPossible(kind: FaultKind, name: string): boolean {
    if (kind === 'lagging-listing' || kind === 'stale-listing') return this.#lagMs > 0
    if (kind !== 'torn') return true
    return this.#options.configuration.tornFolders.some((folder) => name.startsWith(folder))
  }

  /** The answer to a call with which this goes wrong. */
  answer(
    call: StoreCall,
    { fault, actor }: { readonly fault: FaultKind; readonly actor: SampleActor },
  ): SampleAnswer {
    switch (fault) {
      case 'none':
      case 'slow':
        return this.effect(call, actor)
      case 'lost-reply':
        this.effect(call, actor)
        return this.#failure(call)
      case 'failed':
        return this.#failure(call)
      case 'late':
        this.lateEffect(call, actor, this.#oneOf([this.#lateMs, 1, Math.floor(this.#lateMs / 2)]))
        return this.#failure(call)
      case 'torn':
        if (call.kind === 'put') this.#tear(call.name, call.bytes)
        return this.#failure(call)
      default:
        return this.#listing(call, fault)
    }
  }

  /** What a call does when nothing goes wrong with it. */
  effect(call: StoreCall, actor: SampleActor): Answer {
    const { store, watch } = this.#options
    switch (call.kind) {
      case 'put': {
        const isFull = store.nowMs < this.#fullUntilMs && call.bytes.length >= this.#fullFrom
        if (isFull) return this.#noSpace(call.name)
        watch.beforePut(call.name, { by: actor.options.seed })
        const result = store.put(call.name, call.bytes)
        watch.afterPut(call.name)
        return { kind: 'put', result }
      }
      case 'get': {
        const bytes = store.get(call.name)
        return bytes === undefined ? { kind: 'missing' } : { kind: 'bytes', bytes }
      }
      case 'list':
        return { kind: 'listed', infos: store.list(call.name) }
      case 'stat':
        return { kind: 'info', info: store.info(call.name) }
      case 'remove':
        watch.beforeRemove(call.name, { by: actor.options.seed })
        if (store.remove(call.name)) watch.afterRemove(call.name)
        return { kind: 'done' }
    }
  }

  /** A put or remove whose sender does not wait for it any more, and which arrives so much later. */
  lateEffect(call: StoreCall, actor: SampleActor, afterMs = this.#lateMs): void {
    const { store, watch, onLate } = this.#options
    store.later(afterMs, () => {
      onLate(call, actor)
      if (call.kind === 'put') {
        store.put(call.name, call.bytes)
        watch.tookName(call.name, { by: actor.options.seed })
        watch.afterPut(call.name)
      } else {
        watch.beforeRemove(call.name, { by: actor.options.seed })
        if (store.remove(call.name)) watch.afterRemove(call.name)
      }
    })
  }

  #tear(name: string, bytes: Uint8Array): void {
    const { length } = bytes
    this.#options.store.tear(name, bytes, this.#oneOf([Math.floor(length / 2), 0, length - 1]))
  }

  #listing(call: StoreCall, fault: FaultKind): SampleAnswer {
    const { store, decisions } = this.#options
    if (fault === 'lagging-listing') return { kind: 'listed', infos: this.#lagging(call.name) }
    if (fault === 'stale-listing') {
      const agoMs = this.#oneOf([this.#lagMs - 1, Math.floor(this.#lagMs / 3)])
      return { kind: 'listed', infos: store.before(call.name, agoMs) }
    }
    const infos = store.list(call.name)
    const kept = infos.slice(0, decisions.below(infos.length + 1))
    return { kind: 'broken', infos: kept, error: this.#failure(call).error }
  }

  /** Each recent change is shown or not. */
  #lagging(prefix: string): readonly ObjectInfo[] {
    const { store, decisions } = this.#options
    const { certain, uncertain } = store.lagging(prefix)
    const shown = uncertain.filter(({ isThere }) => (decisions.below(2) === 0) === isThere)
    return [...certain, ...shown.map(({ info }) => info)]
  }

  /** What may pass when it is tried again, or not. */
  #failure({ kind, name }: StoreCall): { readonly kind: 'failed'; readonly error: CairnError } {
    const isFinal = this.#options.decisions.below(2) === 1
    const writes = kind === 'put' || kind === 'remove'
    const code = writes ? 'store-unwritable' : 'store-unreadable'
    const context = isFinal ? { object: name, retry: false } : { object: name }
    return { kind: 'failed', error: new CairnError(code, `Cannot ${kind} ${name}`, { context }) }
  }

  #noSpace(name: string): Answer {
    this.#options.onRefused()
    const context = { object: name, retry: false }
    const error = new CairnError('no-space', `Cannot write ${name}: the store is full`, { context })
    return { kind: 'failed', error }
  }

  #oneOf(numbers: readonly number[]): number {
    return numbers[this.#options.decisions.below(numbers.length)] as number
  }
}

/** Sync passes over a pack that it cannot read, tells of it, and confirms all else: as from a failing disk. */
function isPassedOver({ kind, name }: StoreCall, { options }: SampleActor): boolean {
  return kind === 'get' && name.startsWith('packs/') && options.name.includes('syncer')
}

export function outcomeOf(answer: SampleAnswer): string {
  switch (answer.kind) {
    case 'put':
      return answer.result
    case 'listed':
      return `${answer.infos.length} objects`
    case 'broken':
      return `breaks off after ${answer.infos.length} objects`
    case 'failed':
      return isCairnError(answer.error) ? answer.error.code : 'failed'
    case 'bytes':
      return `${answer.bytes.length} bytes`
    case 'info':
      return answer.info === undefined ? 'missing' : 'there'
    default:
      return answer.kind
  }
}
