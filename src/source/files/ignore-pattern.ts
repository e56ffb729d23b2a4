// One line of gitignore rules, and whether a path matches it (gitignore(5), verified against git).
// Not npm's `ignore`: that remembers every path it was ever asked about, asks again about every
// parent (the walker has already pruned those), and is a regular expression, with which
// '*a*a*a*a*a*b' in anyone's .cairnignore could stop the backup of the whole machine. Here a star
// backtracks only to itself, so a match takes at most pattern times name steps.

import { parseSegments, type Segment } from './glob.ts'

export interface IgnorePattern {
  /** As it was written: parsing it again gives the same, in whatever thread. */
  readonly text: string
  /** '!' in front: what matches is included again. */
  readonly negated: boolean
  /** '/' at the end: matches folders only. */
  readonly directoryOnly: boolean
  /** A '/' elsewhere: matched against the path from its base; otherwise against the name alone. */
  readonly anchored: boolean
  readonly segments: readonly Segment[]
}

/** A pattern file's lines: blank lines and '#' comments are left out, trailing spaces dropped. */
export function parseIgnoreFile(text: string): readonly IgnorePattern[] {
  const patterns: IgnorePattern[] = []
  for (const line of text.replace(/^\uFEFF/, '').split('\n')) {
    if (line.startsWith('#')) continue
    const pattern = parseIgnorePattern(withoutTrailingSpaces(line.replace(/\r$/, '')))
    if (pattern !== undefined) patterns.push(pattern)
  }
  return patterns
}

/** One pattern as given to --exclude; undefined where it can match nothing. */
export function parseIgnorePattern(line: string): IgnorePattern | undefined {
  const negated = line.startsWith('!')
  const body = negated ? line.slice(1) : line
  const directoryOnly = body.endsWith('/')
  const path = directoryOnly ? body.slice(0, -1) : body
  if (path === '') return undefined
  const segments = parseSegments(path.startsWith('/') ? path.slice(1) : path)
  if (segments === undefined) return undefined
  return { text: line, negated, directoryOnly, anchored: path.includes('/'), segments }
}

/**
 * Whether a pattern matches the path `names[base..]` itself (not something above it). `names` are
 * the folders on the way and the entry's own name last.
 */
export function matchesIgnorePattern(
  pattern: IgnorePattern,
  names: readonly string[],
  entry: { readonly base: number; readonly isDirectory: boolean },
): boolean {
  if (pattern.directoryOnly && !entry.isDirectory) return false
  if (pattern.anchored) return matchesSegments(pattern.segments, names, entry.base)
  const only = pattern.segments[0] as Segment
  return only === 'any-depth' || only(names[names.length - 1] as string)
}

/** 'any-depth' (two asterisks) stands for any number of names, at the end of a pattern at least one. */
function matchesSegments(
  segments: readonly Segment[],
  names: readonly string[],
  base: number,
): boolean {
  let at = 0
  let resumeAt = -1
  let resumeFrom = base
  for (let i = base; i < names.length; ) {
    const segment = segments[at]
    if (segment === 'any-depth') {
      if (at === segments.length - 1) return true
      resumeAt = ++at
      resumeFrom = i
    } else if (segment?.(names[i] as string)) {
      at++
      i++
    } else if (resumeAt >= 0) {
      at = resumeAt
      i = ++resumeFrom
    } else {
      return false
    }
  }
  return at === segments.length
}

/** Drops spaces at the end but for one that a backslash precedes. */
function withoutTrailingSpaces(line: string): string {
  let end = line.length
  while (end > 0 && line[end - 1] === ' ' && !isEscaped(line, end - 1)) end--
  return line.slice(0, end)
}

function isEscaped(line: string, at: number): boolean {
  let backslashes = 0
  while (line[at - 1 - backslashes] === '\\') backslashes++
  return backslashes % 2 === 1
}
