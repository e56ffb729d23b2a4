// A store whose listings lag, for tests and model checking: what is put shows late, and what is
// removed shows on, each name by its own delay. Everything else is as fresh as before.

import type { Clock } from '../base/clock.ts'
import { decorate } from './decorate.ts'
import type { ObjectInfo, Store } from './store.ts'

export interface ListingLagOptions {
  readonly clock: Clock
  /** How long listings do not show a change of this name; asked at each change. */
  readonly lagMs: (name: string) => number
}

export function withListingLag(store: Store, { clock, lagMs }: ListingLagOptions): Store {
  /** Until when what was put stays out of listings. */
  const hiddenUntil = new Map<string, number>()
  const ghosts = new Map<string, { readonly info: ObjectInfo; readonly untilMs: number }>()

  async function* list(prefix: string): AsyncGenerator<ObjectInfo> {
    const now = clock.monotonicMs()
    const shown = [...ghosts.values()].filter(
      ({ info, untilMs }) => untilMs > now && info.name.startsWith(prefix),
    )
    const names = new Set(shown.map(({ info }) => info.name))
    for (const { info } of shown) yield info
    for await (const info of store.list(prefix)) {
      if (!names.has(info.name) && (hiddenUntil.get(info.name) ?? 0) <= now) yield info
    }
  }

  return decorate(store, {
    capabilities: { ...store.capabilities, strongListing: false },
    put: async (name, parts) => {
      const result = await store.put(name, parts)
      if (result === 'created') hiddenUntil.set(name, clock.monotonicMs() + lagMs(name))
      return result
    },
    remove: async (name) => {
      const info = await store.stat(name)
      const wasShown = (hiddenUntil.get(name) ?? 0) <= clock.monotonicMs()
      await store.remove(name)
      hiddenUntil.delete(name)
      if (info === undefined || !wasShown) return
      ghosts.set(name, { info, untilMs: clock.monotonicMs() + lagMs(name) })
    },
    list,
  })
}
