// The project's TypeScript as the tidy checks see it: parsed, with what each file imports. The
// checks take sources as data, so that a test can hand them a small virtual project.

import { readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import ts from 'typescript'

export const ROOT = join(import.meta.dirname, '../..')

export interface Import {
  /** As written. */
  readonly specifier: string
  /** The file's path in the project, where the specifier is relative. */
  readonly path: string | undefined
  readonly line: number
  /** False for a file that is only named (`new URL('./x-worker.ts', import.meta.url)`). */
  readonly linked: boolean
}

export interface Source {
  /** From the project's root, with '/'. */
  readonly path: string
  readonly text: string
  readonly tree: ts.SourceFile
  /** All of the tree's nodes, each before its children. */
  readonly nodes: readonly ts.Node[]
  readonly imports: readonly Import[]
}

/** A place where a rule is broken, as people read it: `src/a.ts:3: no any`. */
export type Problem = string

export function problemAt(source: Source, node: ts.Node, message: string): Problem {
  return `${source.path}:${lineOf(source.tree, node)}: ${message}`
}

function lineOf(tree: ts.SourceFile, node: ts.Node): number {
  return tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1
}

function collect(node: ts.Node, into: ts.Node[]): readonly ts.Node[] {
  into.push(node)
  ts.forEachChild(node, (child) => {
    collect(child, into)
  })
  return into
}

export function parse(path: string, text: string): Source {
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true)
  const nodes = collect(tree, [])
  const imports: Import[] = []
  for (const node of nodes) {
    const found = importIn(node)
    if (found === undefined) continue
    const { text: specifier, linked } = found
    imports.push({ specifier, path: resolve(path, specifier), line: lineOf(tree, node), linked })
  }
  return { path, text, tree, nodes, imports }
}

function resolve(from: string, specifier: string): string | undefined {
  return specifier.startsWith('.') ? posix.join(dirname(from), specifier) : undefined
}

function literal(node: ts.Node | undefined): string | undefined {
  return node !== undefined && ts.isStringLiteralLike(node) ? node.text : undefined
}

/** What the node imports: in a declaration, `export ... from`, `import(...)`, or a type `import('x').T`. */
function importIn(node: ts.Node): { readonly text: string; readonly linked: boolean } | undefined {
  let text: string | undefined
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node))
    text = literal(node.moduleSpecifier)
  else if (ts.isExternalModuleReference(node)) text = literal(node.expression)
  else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    text = literal(node.argument.literal)
  } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    text = literal(node.arguments[0])
  } else if (ts.isNewExpression(node) && node.expression.getText() === 'URL') {
    const named = literal(node.arguments?.[0])
    return named?.endsWith('.ts') === true ? { text: named, linked: false } : undefined
  }
  return text === undefined ? undefined : { text, linked: true }
}

/** Every TypeScript file of the project in these folders. */
export function readSources(...folders: readonly string[]): readonly Source[] {
  return folders
    .flatMap((folder) =>
      ts.sys.readDirectory(join(ROOT, folder), ['.ts'], ['node_modules'], ['**/*']),
    )
    .map((file) => file.slice(ROOT.length + 1))
    .map((path) => parse(path, readFileSync(join(ROOT, path), 'utf8')))
}

export function isTest(path: string): boolean {
  return path.endsWith('.test.ts') || path.startsWith('test/')
}
