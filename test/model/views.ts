// One of the two repositories as production code sees it: names as if there were no other.

import { decorate } from '../../src/store/decorate.ts'
import type { Store } from '../../src/store/store.ts'
import { COPY, isFixed, nameWithin, type Place, SOURCE } from './places.ts'
import type { World } from './world.ts'

/** The source as an actor sees it that opens it by itself. */
export function sourceThrough({ store: fixed }: World, store: Store): Store {
  return viewOf(store, { fixed, place: SOURCE })
}

/** The copy as an actor sees it. */
export function copyThrough({ copy: fixed }: World, store: Store): Store {
  return viewOf(store, { fixed, place: COPY })
}

function viewOf(
  store: Store,
  { fixed, place }: { readonly fixed: Store; readonly place: Place },
): Store {
  const at = (name: string) => `${place}${name}`
  return decorate(store, {
    put: (name, parts) => (isFixed(name) ? fixed.put(name, parts) : store.put(at(name), parts)),
    get: (name, range) => (isFixed(name) ? fixed.get(name, range) : store.get(at(name), range)),
    async *list(prefix) {
      if (isFixed(prefix)) yield* fixed.list(prefix)
      else
        for await (const info of store.list(at(prefix)))
          yield { ...info, name: nameWithin(info.name) }
    },
    stat: async (name) => {
      const info = await (isFixed(name) ? fixed.stat(name) : store.stat(at(name)))
      return info === undefined ? undefined : { ...info, name }
    },
    remove: (name) => store.remove(at(name)),
  })
}
