// The rules about single files: size, and what may be used where.

import ts from 'typescript'
import type { Problem, Source } from './sources.ts'
import { isTest, problemAt } from './sources.ts'

const FILE_LINES_MAX = 500
const FUNCTION_LINES_MAX = 70

/** Programs of their own, for people who work on Cairn: they print, and ask for the time. */
const PROGRAMS = ['tools/', 'bench/', 'scripts/']

const isProgram = (path: string): boolean => PROGRAMS.some((folder) => path.startsWith(folder))
const isCli = (path: string): boolean => path.startsWith('src/cli/')
const isBase = (path: string): boolean => path.startsWith('src/base/')

/** Where hashing, sealing and tokens are. */
const CRYPTO_HOMES = [
  /^src\/base\/hash[^/]*\.ts$/,
  /^src\/sealer\//,
  /^src\/(vault|control)\/tokens?\b/,
]
const mayUseCrypto = (path: string): boolean =>
  !path.startsWith('src/') || isTest(path) || CRYPTO_HOMES.some((home) => home.test(path))

export function checkFileLength(source: Source): readonly Problem[] {
  const lines = source.text.replace(/\n$/, '').split('\n').length
  return lines > FILE_LINES_MAX ? [`${source.path}: ${lines} lines, over ${FILE_LINES_MAX}`] : []
}

/** A function's lines, nested functions included, but not the suites and tests that it declares. */
export function checkFunctionLength(source: Source): readonly Problem[] {
  const problems: Problem[] = []
  for (const node of source.nodes) {
    if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined) continue
    const lines = linesOf(source, node) - testLinesIn(source, node)
    if (lines > FUNCTION_LINES_MAX) {
      problems.push(
        problemAt(source, node, `a function of ${lines} lines, over ${FUNCTION_LINES_MAX}`),
      )
    }
  }
  return problems
}

function linesOf({ tree }: Source, node: ts.Node): number {
  const { line: last } = tree.getLineAndCharacterOfPosition(node.end)
  return last - tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1
}

/** Lines of the outermost `test(...)` and `describe(...)` calls below a node. */
function testLinesIn(source: Source, node: ts.Node): number {
  if (!isTest(source.path)) return 0
  let lines = 0
  ts.forEachChild(node, (child) => {
    lines += isSuite(child) ? linesOf(source, child) : testLinesIn(source, child)
  })
  return lines
}

function isSuite(node: ts.Node): boolean {
  return ts.isCallExpression(node) && /^(describe(With)?|test|it)\b/.test(node.expression.getText())
}

export function checkAny(source: Source): readonly Problem[] {
  return source.nodes
    .filter(({ kind }) => kind === ts.SyntaxKind.AnyKeyword)
    .map((node) => problemAt(source, node, 'no any'))
}

interface Ban {
  readonly matches: (node: ts.Node) => boolean
  readonly message: string
  readonly allowedIn: (path: string) => boolean
}

/** `object.property`, called or not; no property means any. */
function isMember(node: ts.Node, object: string, properties?: readonly string[]): boolean {
  if (!ts.isPropertyAccessExpression(node) && !ts.isElementAccessExpression(node)) return false
  if (node.expression.getText().replace(/^globalThis\./, '') !== object) return false
  if (properties === undefined) return true
  const property = ts.isPropertyAccessExpression(node) ? node.name : node.argumentExpression
  return properties.includes(ts.isStringLiteralLike(property) ? property.text : property.getText())
}

function isImportOf(node: ts.Node, module: string, names?: readonly string[]): boolean {
  if (!ts.isImportDeclaration(node) || !ts.isStringLiteralLike(node.moduleSpecifier)) return false
  if (node.moduleSpecifier.text.replace(/^node:/, '') !== module) return false
  const bindings = node.importClause?.namedBindings
  if (names === undefined || bindings === undefined || !ts.isNamedImports(bindings)) return true
  return bindings.elements.some((one) => names.includes((one.propertyName ?? one.name).text))
}

const BANS: readonly Ban[] = [
  {
    matches: (node) => isMember(node, 'console'),
    message: 'no console outside cli/: return it, or throw it',
    allowedIn: (path) => isCli(path) || isProgram(path),
  },
  {
    matches: (node) =>
      isMember(node, 'process', ['exit', 'abort', 'reallyExit']) ||
      isImportOf(node, 'process', ['exit', 'abort']),
    message: 'no process.exit outside cli/: throw',
    allowedIn: (path) => isCli(path) || isProgram(path),
  },
  {
    matches: (node) => isMember(node, 'Date', ['now']) || isDateWithoutArguments(node),
    message: 'no Date.now outside base/: take a Clock',
    allowedIn: (path) => isBase(path) || isProgram(path),
  },
  {
    matches: (node) => isMember(node, 'Math', ['random']),
    message: 'no Math.random outside base/: take the randomness as a parameter',
    allowedIn: (path) => isBase(path) || isProgram(path),
  },
  {
    matches: (node) =>
      isImportOf(node, 'crypto') ||
      isMember(node, 'crypto', ['getRandomValues', 'randomUUID', 'subtle']),
    message: 'node:crypto is for hashing in base/, for sealer/ and for tokens',
    allowedIn: mayUseCrypto,
  },
]

function isDateWithoutArguments(node: ts.Node): boolean {
  if (!ts.isNewExpression(node) || node.expression.getText() !== 'Date') return false
  return node.arguments === undefined || node.arguments.length === 0
}

export function checkBans(source: Source): readonly Problem[] {
  const bans = BANS.filter(({ allowedIn }) => !allowedIn(source.path))
  return source.nodes.flatMap((node) =>
    bans
      .filter(({ matches }) => matches(node))
      .map(({ message }) => problemAt(source, node, message)),
  )
}
