// The one place where Cairn retries: exponential backoff with full jitter (Brooker, 'Exponential
// Backoff and Jitter', AWS 2015), bounded in attempts and in time. Only errors that can pass are
// tried again: 'store-unreadable', 'store-unwritable' and 'timeout' whose context does not say
// `retry: false`. A full disk, a missing object or a refused password comes back at once.

import { type Bytes, concat, equalBytes } from '../base/bytes.ts'
import type { Clock } from '../base/clock.ts'
import { CairnError, isCairnError } from '../base/errors.ts'
import { decorate } from './decorate.ts'
import { digestInName } from './names.ts'
import type { ObjectInfo, PutResult, Store } from './store.ts'

export interface RetryOptions {
  readonly clock: Clock
  /** Evenly distributed, from 0 up to but not including 1. */
  readonly random: () => number
  readonly attemptsMax: number
  /** No attempt begins later than this after the first one began. */
  readonly totalMs: number
  /** The wait after attempt n (from 0) is random between 0 and firstDelayMs * 2^n. */
  readonly firstDelayMs: number
  readonly delayMsMax: number
  /** Somebody wants the work to end: what waits is tried once more at once, and nothing again after that. */
  readonly signal?: AbortSignal
  /** For progress output; must not throw. */
  readonly onRetry?: (retry: Retry) => void
}

export interface Retry {
  readonly error: CairnError
  /** How many attempts have failed. */
  readonly attempts: number
  readonly delayMs: number
}

/** Bridges an outage of a few minutes. */
export const DEFAULT_RETRIES = {
  attemptsMax: 10,
  totalMs: 15 * 60_000,
  firstDelayMs: 500,
  delayMsMax: 60_000,
} as const

export function withRetry(store: Store, options: RetryOptions): Store {
  return decorate(store, {
    put: (name, parts) => retrying(options, (attempt) => putAgain(store, { name, parts, attempt })),
    get: (name, range) => retrying(options, () => store.get(name, range)),
    list: (prefix) => listAgain(store, prefix, options),
    stat: (name) => retrying(options, () => store.stat(name)),
    remove: (name) => retrying(options, () => store.remove(name)),
  })
}

/** True for an error that may be gone when the same call is made again. */
export function canPass(error: unknown): error is CairnError {
  if (!isCairnError(error, 'store-unreadable', 'store-unwritable', 'timeout')) return false
  return error.context['retry'] !== false
}

interface PutAttempt {
  readonly name: string
  readonly parts: readonly Bytes[]
  readonly attempt: number
}

/**
 * After a failed attempt 'exists' may be our own object, whose reply was lost. Under a name that is
 * a SHA-256 that makes no difference. Under others (config/, keys/, leases/) the caller must know
 * whether its own bytes are there, so they are read again: 'created' where they are equal.
 */
async function putAgain(store: Store, { name, parts, attempt }: PutAttempt): Promise<PutResult> {
  const result = await store.put(name, parts)
  if (result === 'created' || attempt === 0 || digestInName(name) !== undefined) return result
  return equalBytes(await store.get(name), concat(parts)) ? 'created' : 'exists'
}

async function retrying<T>(
  options: RetryOptions,
  call: (attempt: number) => Promise<T>,
): Promise<T> {
  const started = startOf(options)
  for (let attempt = 0; ; attempt++) {
    try {
      return await call(attempt)
    } catch (error) {
      await waitOrThrow(error, { options, started, attempts: attempt + 1 })
    }
  }
}

interface Failed {
  readonly options: RetryOptions
  readonly started: Start
  readonly attempts: number
}

interface Start {
  readonly monotonicMs: number
  readonly nowMs: number
}

function startOf({ clock }: RetryOptions): Start {
  return { monotonicMs: clock.monotonicMs(), nowMs: clock.nowMs() }
}

/**
 * By whichever clock went further: one stands still while a machine is suspended, the other may be set. After
 * days nothing may be put again that somebody else may have marked and deleted meanwhile.
 */
function elapsedSince({ monotonicMs, nowMs }: Start, { clock }: RetryOptions): number {
  return Math.max(clock.monotonicMs() - monotonicMs, Math.abs(clock.nowMs() - nowMs))
}

/** Waits before the next attempt; throws where there is to be none. */
async function waitOrThrow(error: unknown, { options, started, attempts }: Failed): Promise<void> {
  if (!canPass(error)) throw error
  const delayMs = options.random() * longestDelay(options, attempts)
  const elapsedMs = elapsedSince(started, options)
  const isLate = attempts >= options.attemptsMax || elapsedMs + delayMs > options.totalMs
  if (isLate || options.signal?.aborted === true) {
    throw gaveUp(error, { attempts, elapsedMs })
  }
  options.onRetry?.({ error, attempts, delayMs })
  await sleepUntil(options, delayMs)
}

/** To the end of the time, or until the work is to end. */
async function sleepUntil({ clock, signal }: RetryOptions, delayMs: number): Promise<void> {
  if (signal === undefined) return clock.sleep(delayMs)
  const stopped = Promise.withResolvers<undefined>()
  const stop = () => stopped.resolve(undefined)
  signal.addEventListener('abort', stop)
  await Promise.race([clock.sleep(delayMs), stopped.promise])
  signal.removeEventListener('abort', stop)
}

function longestDelay(options: RetryOptions, attempts: number): number {
  return Math.min(options.delayMsMax, options.firstDelayMs * 2 ** (attempts - 1))
}

function gaveUp(
  error: CairnError,
  { attempts, elapsedMs }: { attempts: number; elapsedMs: number },
): CairnError {
  if (attempts === 1) return error
  const tried = `gave up after ${attempts} attempts in ${Math.round(elapsedMs / 1000)} s`
  return new CairnError(error.code, `${error.message} (${tried})`, {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    context: { ...error.context, attempts, retry: false },
    cause: error,
  })
}

/**
 * A listing that breaks off is begun again, and what was handed out already is left out: for that
 * the names handed out are kept. Each object that comes through starts the count of attempts anew.
 */
async function* listAgain(
  store: Store,
  prefix: string,
  options: RetryOptions,
): AsyncGenerator<ObjectInfo> {
  const seen = new Set<string>()
  let started = startOf(options)
  for (let attempts = 1; ; attempts++) {
    const before = seen.size
    try {
      yield* unseen(store.list(prefix), seen)
      return
    } catch (error) {
      if (seen.size > before) {
        attempts = 1
        started = startOf(options)
      }
      await waitOrThrow(error, { options, started, attempts })
    }
  }
}

async function* unseen(
  listing: AsyncIterable<ObjectInfo>,
  seen: Set<string>,
): AsyncGenerator<ObjectInfo> {
  for await (const info of listing) {
    if (seen.has(info.name)) continue
    seen.add(info.name)
    yield info
  }
}
