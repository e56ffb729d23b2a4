// A store of limited size, for tests of a full one: a put that does not fit is refused as a whole
// with 'no-space', and removing makes room again. Counts what goes through this decorator only.

import { CairnError } from '../base/errors.ts'
import { decorate } from './decorate.ts'
import type { Store } from './store.ts'

export function withSpaceLimit(store: Store, bytesMax: number): Store {
  let used = 0
  return decorate(store, {
    put: async (name, parts) => {
      const size = parts.reduce((total, part) => total + part.length, 0)
      if (used + size > bytesMax) throw full(store, { name, bytesMax })
      used += size
      try {
        const result = await store.put(name, parts)
        if (result === 'exists') used -= size
        return result
      } catch (error) {
        used -= size
        throw error
      }
    },
    remove: async (name) => {
      const size = (await store.stat(name))?.size ?? 0
      await store.remove(name)
      used = Math.max(0, used - size)
    },
  })
}

function full(store: Store, { name, bytesMax }: { name: string; bytesMax: number }): CairnError {
  return new CairnError(
    'no-space',
    `Cannot write ${name} in ${store.address}: it holds no more than ${bytesMax} bytes`,
    { hint: 'Make room in it.', context: { object: name, retry: false } },
  )
}
