// How much each source had last time: what the bar of the next run is measured by. Part of the cache.

import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const FILE = 'sizes.json'

export function lastSize(cacheFolder: string, source: string): number | undefined {
  const bytes = readSizes(cacheFolder)[source]
  return typeof bytes === 'number' && bytes > 0 ? bytes : undefined
}

/** Failing to keep it costs a bar, so that nobody is told. */
export function keepSize(
  cacheFolder: string,
  { source, bytes }: { readonly source: string; readonly bytes: number },
): void {
  const path = join(cacheFolder, FILE)
  const temporary = `${path}.${process.pid}.new`
  try {
    mkdirSync(cacheFolder, { recursive: true, mode: 0o700 })
    const sizes = { ...readSizes(cacheFolder), [source]: bytes }
    writeFileSync(temporary, JSON.stringify(sizes), { mode: 0o600 })
    renameSync(temporary, path)
  } catch {
    // See above.
  }
}

function readSizes(cacheFolder: string): Readonly<Record<string, unknown>> {
  try {
    const sizes: unknown = JSON.parse(readFileSync(join(cacheFolder, FILE), 'utf8'))
    return typeof sizes === 'object' && sizes !== null ? (sizes as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
