// `cairn cache`: what this machine keeps of repositories. Needs no passphrase, and no repository.

import { type Dirent, lstatSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { CairnError } from '../../base/errors.ts'
import type { Context } from '../context.ts'
import { loadState, loadStates } from '../repository-state.ts'
import { formatBytes } from '../sizes.ts'
import { storeAt } from '../store.ts'
import { formatTable } from '../table.ts'

export interface CacheClearFlags {
  readonly all?: boolean
}

interface Cached {
  readonly repository: string
  readonly addresses: readonly string[]
  readonly bytes: number
}

export function cacheShowAction(context: Context): Promise<undefined> {
  const { output, places } = context
  const caches = cachesIn(context)
  output.line(places.cache)
  const rows = caches.map(({ repository, addresses, bytes }) => [
    repository.slice(0, 8),
    formatBytes(bytes),
    addresses.join(' '),
  ])
  const columns = [
    { title: 'REPOSITORY' },
    { title: 'SIZE', align: 'right' as const },
    { title: 'ADDRESS' },
  ]
  for (const line of rows.length === 0 ? [] : formatTable(columns, rows)) output.line(line)
  output.event({ event: 'result', folder: places.cache, caches })
  return Promise.resolve(undefined)
}

export function cacheClearAction(context: Context, { all }: CacheClearFlags): Promise<undefined> {
  const { output } = context
  const own = all === true ? undefined : configuredRepository(context)
  const cleared = cachesIn(context).filter(
    ({ repository }) => own === undefined || repository === own,
  )
  for (const { repository } of cleared) {
    rmSync(join(context.places.cache, repository), { recursive: true, force: true })
  }
  const bytes = cleared.reduce((sum, one) => sum + one.bytes, 0)
  output.summary(`Cleared ${formatBytes(bytes)}`)
  output.event({ event: 'result', cleared: cleared.map(({ repository }) => repository), bytes })
  return Promise.resolve(undefined)
}

/** The id of the repository that was last at the configured address. */
function configuredRepository(context: Context): string {
  const { address } = storeAt(context, { address: context.settings.address })
  const id = loadState(context, address)?.repositoryId
  if (id !== undefined) return id
  throw new CairnError('not-found', `Nothing is kept of a repository at ${address}`, {
    hint: '`cairn cache show` lists what is, and `cairn cache clear --all` deletes all of it.',
  })
}

const REPOSITORY_ID = /^[0-9a-f]{32,64}$/

function cachesIn(context: Context): readonly Cached[] {
  const { cache } = context.places
  const states = loadStates(context)
  return entriesIn(cache)
    .filter((entry) => entry.isDirectory() && REPOSITORY_ID.test(entry.name))
    .map(({ name }) => ({
      repository: name,
      addresses: states
        .filter((state) => state.repositoryId === name)
        .map(({ address }) => address),
      bytes: bytesIn(join(cache, name)),
    }))
}

function bytesIn(folder: string): number {
  return entriesIn(folder).reduce((sum, entry) => {
    const path = join(folder, entry.name)
    return sum + (entry.isDirectory() ? bytesIn(path) : (lstatSync(path, NO_ERROR)?.size ?? 0))
  }, 0)
}

const NO_ERROR = { throwIfNoEntry: false } as const

/** Nothing where there is no such folder. */
function entriesIn(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch {
    return []
  }
}
