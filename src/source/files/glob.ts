// Shell patterns as git's wildmatch.c reads them, cut at the slashes into one matcher for each
// name: '*', '?', '[a-z]', '[!a]', '[[:digit:]]' and '\' before anything literal. Matching is by
// characters (code points), never across a slash.

/** Matches one name, or any number of them where the pattern says '**'. */
export type Segment = 'any-depth' | ((name: string) => boolean)

type Token = { readonly star: true } | { readonly star: false; readonly accepts: CharacterTest }
type CharacterTest = (character: string) => boolean

const STAR: Token = { star: true }

/** A pattern without leading and trailing slash; undefined where it is malformed: it matches nothing. */
export function parseSegments(pattern: string): readonly Segment[] | undefined {
  const segments: Segment[] = []
  const characters = Array.from(pattern)
  for (let at = 0; at <= characters.length; ) {
    const end = parseSegment(characters, at, segments)
    if (end === undefined) return undefined
    at = end + 1
  }
  return segments
}

/** Parses up to the next slash or the end, and returns where that is. */
function parseSegment(
  characters: string[],
  start: number,
  segments: Segment[],
): number | undefined {
  const tokens: Token[] = []
  let literal = ''
  let isLiteral = true
  let at = start
  for (; at < characters.length && characters[at] !== '/'; at++) {
    const character = characters[at] as string
    if (character === '*') tokens.push(STAR)
    else if (character === '?') tokens.push({ star: false, accepts: () => true })
    else if (character === '[') {
      const bracket = parseBracket(characters, at)
      if (bracket === undefined) return undefined
      tokens.push({ star: false, accepts: bracket.accepts })
      at = bracket.end
    } else {
      const plain = character === '\\' ? characters[++at] : character
      if (plain === undefined) return undefined
      if (character === '\\' && plain === '/') break
      literal += plain
      tokens.push({ star: false, accepts: (other) => other === plain })
      continue
    }
    isLiteral = false
  }
  segments.push(segmentOf(tokens, isLiteral ? literal : undefined, literal))
  return at
}

/** The cheapest matcher that does: most patterns are a plain name, or '*' and an ending. */
function segmentOf(tokens: readonly Token[], name: string | undefined, literals: string): Segment {
  if (name !== undefined) return (other) => other === name
  if (tokens.length >= 2 && tokens.every((token) => token.star)) return 'any-depth'
  const starsThenLiterals =
    tokens[0]?.star === true && tokens.length === 1 + Array.from(literals).length
  if (starsThenLiterals && tokens.slice(1).every((token) => !token.star)) {
    return (other) => other.endsWith(literals)
  }
  return (other) => matchesTokens(tokens, Array.from(other))
}

/** Greedy, going back to the last star only. */
function matchesTokens(tokens: readonly Token[], name: readonly string[]): boolean {
  let at = 0
  let resumeAt = -1
  let resumeFrom = 0
  for (let i = 0; i < name.length; ) {
    const token = tokens[at]
    if (token?.star === true) {
      resumeAt = ++at
      resumeFrom = i
    } else if (token?.accepts(name[i] as string)) {
      at++
      i++
    } else if (resumeAt >= 0) {
      at = resumeAt
      i = ++resumeFrom
    } else {
      return false
    }
  }
  while (tokens[at]?.star) at++
  return at === tokens.length
}

const CLASSES: Readonly<Record<string, RegExp>> = {
  alnum: /^[a-zA-Z0-9]$/,
  alpha: /^[a-zA-Z]$/,
  blank: /^[ \t]$/,
  cntrl: /^[\0-\x1f\x7f]$/,
  digit: /^[0-9]$/,
  graph: /^[!-~]$/,
  lower: /^[a-z]$/,
  print: /^[ -~]$/,
  punct: /^[!-/:-@[-`{-~]$/,
  space: /^[ \t\n\v\f\r]$/,
  upper: /^[A-Z]$/,
  xdigit: /^[0-9a-fA-F]$/,
}

interface Bracket {
  readonly accepts: CharacterTest
  /** Where its ']' is. */
  readonly end: number
}

/** A bracket expression whose '[' is at `start`; undefined where it does not end, as in git. */
function parseBracket(characters: readonly string[], start: number): Bracket | undefined {
  let at = start + 1
  const negated = characters[at] === '!' || characters[at] === '^'
  if (negated) at++
  const tests: CharacterTest[] = []
  for (let first = true; first || characters[at] !== ']'; first = false) {
    const end = parseBracketItem(characters, at, tests)
    if (end === undefined) return undefined
    at = end
  }
  return { end: at, accepts: (other) => tests.some((test) => test(other)) !== negated }
}

/** One character, range or class; returns what follows it. */
function parseBracketItem(
  characters: readonly string[],
  start: number,
  tests: CharacterTest[],
): number | undefined {
  if (characters[start] === '[' && characters[start + 1] === ':') {
    return parseClass(characters, start, tests)
  }
  const low = bracketCharacter(characters, start)
  if (low === undefined) return undefined
  const isRange = characters[low.next] === '-' && characters[low.next + 1] !== ']'
  if (!isRange) {
    tests.push((other) => other === low.character)
    return low.next
  }
  const high = bracketCharacter(characters, low.next + 1)
  if (high === undefined) return undefined
  const [from, to] = [codeOf(low.character), codeOf(high.character)]
  tests.push((other) => from <= codeOf(other) && codeOf(other) <= to)
  return high.next
}

function parseClass(
  characters: readonly string[],
  start: number,
  tests: CharacterTest[],
): number | undefined {
  const end = characters.indexOf(']', start + 2)
  if (end === -1) return undefined
  if (characters[end - 1] !== ':' || end - 1 < start + 2) {
    // As in git: no class after all, so '[' stands for itself.
    tests.push((other) => other === '[')
    return start + 1
  }
  const expression = CLASSES[characters.slice(start + 2, end - 1).join('')]
  if (expression === undefined) return undefined
  tests.push((other) => expression.test(other))
  return end + 1
}

function bracketCharacter(characters: readonly string[], at: number) {
  const escaped = characters[at] === '\\'
  const character = characters[escaped ? at + 1 : at]
  if (character === undefined) return undefined
  return { character, next: at + (escaped ? 2 : 1) }
}

function codeOf(character: string): number {
  return character.codePointAt(0) as number
}
