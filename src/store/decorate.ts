// A store that does what another does, except where it is told otherwise: the frame of every
// decorator. Store methods may rely on `this`, so that spreading a store would break it.

import type { Store } from './store.ts'

export function decorate(store: Store, changes: Partial<Store>): Store {
  return {
    address: store.address,
    capabilities: store.capabilities,
    ...(store.reserve && { reserve: store.reserve }),
    put: (name, parts) => store.put(name, parts),
    get: (name, range) => store.get(name, range),
    list: (prefix) => store.list(prefix),
    stat: (name) => store.stat(name),
    remove: (name) => store.remove(name),
    close: () => store.close(),
    ...changes,
  }
}
