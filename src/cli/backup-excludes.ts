// What stays out of a backup: what the user says, and what Cairn itself writes while it runs, because
// a repository that grows by its own backup would never be done.

import { readFileSync, realpathSync } from 'node:fs'
import { join, relative } from 'node:path'
import { type Bytes, plain } from '../base/bytes.ts'
import { CairnError, messageOf } from '../base/errors.ts'
import { parsePatternBytes } from '../source/files/exclude.ts'
import { type IgnorePattern, parseIgnorePattern } from '../source/files/ignore-pattern.ts'
import { nameText } from '../source/files/name-text.ts'
import { bytesOfArgument } from './raw-arguments.ts'

export interface ExcludeFlags {
  readonly exclude?: readonly string[]
  readonly excludeFile?: readonly string[]
}

/** The user's patterns. Throws 'usage' on one that can match nothing. */
export function patternsOf({
  exclude = [],
  excludeFile = [],
}: ExcludeFlags): readonly IgnorePattern[] {
  return [...excludeFile.flatMap(patternsIn), ...exclude.map(patternFrom)]
}

/** Throws 'usage' on a pattern that can match nothing. */
export function patternFrom(text: string): IgnorePattern {
  const pattern = parseIgnorePattern(text)
  if (pattern !== undefined) return pattern
  throw new CairnError('usage', `The pattern '${text}' can match nothing`)
}

function patternsIn(path: string): readonly IgnorePattern[] {
  try {
    return parsePatternBytes(plain(readFileSync(Buffer.from(bytesOfArgument(path)))))
  } catch (error) {
    throw new CairnError('usage', `Cannot read the patterns in ${path}: ${messageOf(error)}`)
  }
}

export interface OwnFolder {
  readonly what: string
  readonly path: string
}

/** The folders among `own` that lie in one of the roots, as the walk will meet them. */
export function ownFoldersIn(
  roots: readonly Bytes[],
  own: readonly OwnFolder[],
): readonly OwnFolder[] {
  return own.flatMap(({ what, path }) => {
    const real = realPath(path)
    if (real === undefined) return []
    return roots.flatMap((root) => {
      const found = placeIn(nameText(root), real)
      return found === undefined ? [] : [{ what, path: found }]
    })
  })
}

/** Where the walk below `root` meets the folder that is really at `real`. */
function placeIn(root: string, real: string): string | undefined {
  const realRoot = realPath(root)
  if (realRoot === undefined) return undefined
  const below = relative(realRoot, real)
  if (below === '..' || below.startsWith('../')) return undefined
  return join(root, below)
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(Buffer.from(bytesOfArgument(path)), 'utf8')
  } catch {
    return undefined
  }
}

/** The pattern for exactly this path. */
export function patternForPath(path: string): IgnorePattern {
  const text = path.replace(/\/+$/, '').replace(/[\\*?[\]!# ]/g, '\\$&')
  return patternFrom(text)
}

/** Throws 'usage' where a root lies in the repository: roots are never left out. */
export function refuseRepository(roots: readonly Bytes[], repository: string): void {
  const real = realPath(repository)
  if (real === undefined) return
  for (const root of roots) {
    const realRoot = realPath(nameText(root))
    if (realRoot === undefined) continue
    if (realRoot !== real && !realRoot.startsWith(`${real}/`)) continue
    throw new CairnError('usage', `Cannot back up ${nameText(root)}: it is the repository itself`, {
      hint: 'To have a second copy of a repository, copy its folder.',
    })
  }
}
