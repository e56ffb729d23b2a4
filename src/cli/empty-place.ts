// Whether a repository can be made in a local folder: a typing error must not strew one among someone's
// photos.

import { readdirSync } from 'node:fs'
import { CairnError, messageOf } from '../base/errors.ts'

/** What mkfs makes. */
const HARMLESS = new Set(['lost+found'])

/** Where there is a repository already, anything may lie beside it; `allowed` may without one. */
export function expectEmpty(
  folder: string,
  { allowed = [] }: { readonly allowed?: readonly string[] } = {},
): void {
  const names = namesIn(folder).filter((name) => !HARMLESS.has(name))
  // That there is a repository already says createRepository.
  if (names.includes('config') || names.every((name) => allowed.includes(name))) return
  throw new CairnError('usage', `Cannot make a repository in ${folder}: it is not empty`, {
    hint: 'Name a folder that is not there yet. What an interrupted `cairn init` left can be removed.',
  })
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    if (error instanceof Error && 'code' in error && error.code === 'ENOTDIR')
      throw new CairnError('usage', `Cannot use ${folder} as a repository: it is no folder`)
    throw new CairnError('store-unreadable', `Cannot look into ${folder}: ${messageOf(error)}`)
  }
}
