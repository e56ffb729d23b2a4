// From an address, as people write it, to a store. What has no scheme is a path.

import { fileURLToPath } from 'node:url'
import type { Clock } from '../base/clock.ts'
import { CairnError } from '../base/errors.ts'
import { openLocal } from './local/local-store.ts'
import { openMemory } from './memory.ts'
import type { Store } from './store.ts'

export interface OpenStoreOptions {
  readonly address: string
  readonly clock: Clock
  /** For `init`: a store that is missing is empty, and the first put makes it. */
  readonly create?: boolean
  /** Tests only: `memory:` is a new store in memory. */
  readonly allowMemory?: boolean
}

// Two letters at least: C:\backup is a path.
const SCHEME = /^([a-z][a-z0-9+.-]+):/i

/** The store at an address; asks nothing of it yet. Throws 'usage' where the address is none. */
export function openStore(options: OpenStoreOptions): Store {
  const { address, clock, create = false } = options
  if (address.trim() === '') throw unusable('it is empty')
  const scheme = schemeOf(address)
  if (scheme === undefined) return openLocal({ path: checkedPath(address), clock, create })
  if (scheme === 'file') return openLocal({ path: pathOfUrl(address), clock, create })
  if (scheme === 'memory' && options.allowMemory === true) return openMemory({ clock, address })
  throw unusable(`'${scheme}:' is not a kind of store that this version knows`)
}

/** A path with a slash before its first colon has no scheme: `./odd:name`. */
function schemeOf(address: string): string | undefined {
  return SCHEME.exec(address)?.[1]?.toLowerCase()
}

function pathOfUrl(address: string): string {
  try {
    return checkedPath(fileURLToPath(address))
  } catch {
    throw unusable('a file address looks like file:///folder, with three slashes')
  }
}

function checkedPath(path: string): string {
  if (path.includes('\0')) throw unusable('a path has no NUL in it')
  return path
}

/** The address itself is left out: it may hold a password. */
function unusable(why: string): CairnError {
  return new CairnError('usage', `Cannot use the address of the store: ${why}`, {
    hint:
      'Give a folder (/mnt/disk/backup) or a file address (file:///mnt/disk/backup). ' +
      'For a folder whose name has a colon, write ./name.',
  })
}
