// The program's version, from package.json: said in one place.

import { readFileSync } from 'node:fs'

export function programVersion(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(manifest) as { readonly version: string }).version
}

/** As snapshots record it. */
export function programName(): string {
  return `cairn ${programVersion()}`
}
