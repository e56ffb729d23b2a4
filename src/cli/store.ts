// Stores as the program uses them: every call ends, and what can pass is tried again.

import { realpathSync, statSync } from 'node:fs'
import { basename, dirname, join, sep } from 'node:path'
import { openStore } from '../store/open-store.ts'
import { DEFAULT_RETRIES, withRetry } from '../store/retry.ts'
import type { Store } from '../store/store.ts'
import { DEFAULT_TIMEOUTS, systemTimer, withTimeout } from '../store/timeout.ts'
import type { Context } from './context.ts'
import { formatDuration } from './times.ts'

export interface StoreAt {
  readonly address: string
  /** For what makes a repository: a store that is missing is empty. */
  readonly create?: boolean
}

export function storeAt(context: Context, { address, create = false }: StoreAt): Store {
  const { clock, interruption, output, random } = context
  const store = openStore({ address, clock, create })
  const timed = withTimeout(store, { ...DEFAULT_TIMEOUTS, startTimer: systemTimer })
  return withRetry(timed, {
    ...DEFAULT_RETRIES,
    clock,
    signal: interruption.forWaiting,
    random: () => (random(1)[0] as number) / 256,
    onRetry: ({ error, delayMs }) =>
      output.note(`${error.message}. Trying again in ${formatDuration(delayMs)}.`),
  })
}

/** Whether objects lie in a folder of this machine: then copying them gains nothing. */
export function isLocal(address: string): boolean {
  return address.startsWith('/')
}

/** Also through links, other spellings and bind mounts: it is the folder that counts. */
export function isSameStore({ address: one }: Store, { address: other }: Store): boolean {
  if (one === other) return true
  if (!isLocal(one) || !isLocal(other)) return false
  const [a, b] = [one, other].map((path) => statSync(path, { throwIfNoEntry: false }))
  return a !== undefined && b !== undefined && a.dev === b.dev && a.ino === b.ino
}

/** Whether one of two different folders lies in the other: losing that loses both. */
export function isInside({ address: inner }: Store, { address: outer }: Store): boolean {
  if (!isLocal(inner) || !isLocal(outer)) return false
  return `${realPath(inner)}${sep}`.startsWith(`${realPath(outer)}${sep}`)
}

/** Without links, as far as there is anything. */
function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    const parent = dirname(path)
    return parent === path ? path : join(realPath(parent), basename(path))
  }
}
