// Who may import whom: section 2 of the design, as data, and what follows from it.

import type { Problem, Source } from './sources.ts'
import { isTest } from './sources.ts'

/**
 * A folder of src/ and what it may import besides itself, `import type` included. `control/api`
 * stands for src/control/api.ts and src/control/api/. Rows only name folders of earlier rows, so
 * the folders cannot form a cycle.
 */
export const LAYERS: Readonly<Record<string, readonly string[]>> = {
  base: [],
  format: ['base'],
  chunker: ['base'],
  store: ['base'],
  sealer: ['base', 'format'],
  packer: ['base', 'format', 'sealer'],
  source: ['base', 'format'],
  target: ['base', 'format'],
  repository: ['base', 'format', 'sealer', 'packer', 'store'],
  engine: [
    'base',
    'format',
    'chunker',
    'store',
    'sealer',
    'packer',
    'source',
    'target',
    'repository',
  ],
  // That the server cannot decrypt is this row.
  vault: ['base', 'store'],
  control: ['base', 'store', 'vault'],
  agent: ['base', 'engine', 'control/api'],
  console: ['control/api', 'format', 'sealer/browser'],
  cli: [
    'base',
    'format',
    'chunker',
    'store',
    'sealer',
    'packer',
    'source',
    'target',
    'repository',
    'engine',
    'vault',
    'control',
    'agent',
  ],
}

/** Packages that also run in a browser, so that `format` may use them. */
const BROWSER_PACKAGES: readonly string[] = ['@scure/bip39']

/** The folder in src/; undefined for files elsewhere. */
function roomOf(path: string): string | undefined {
  return /^src\/([^/]+)\//.exec(path)?.[1]
}

function allows(may: string, path: string): boolean {
  return path === `src/${may}.ts` || path.startsWith(`src/${may}/`)
}

/** Every import in src/ keeps to the table; every folder has a row. */
export function checkLayers(sources: readonly Source[]): readonly Problem[] {
  const problems: Problem[] = []
  for (const { path, imports } of sources) {
    if (!path.startsWith('src/')) continue
    const room = roomOf(path)
    const row = room === undefined ? undefined : LAYERS[room]
    if (room === undefined || row === undefined) {
      problems.push(`${path}: its folder has no row in the table of layers (DESIGN, section 2)`)
      continue
    }
    for (const { path: target, line } of imports) {
      if (target === undefined || [room, ...row].some((may) => allows(may, target))) continue
      // Tests may use what is outside src/ (test/trees, scripts/), and no more rooms than their room.
      if (isTest(path) && !target.startsWith('src/')) continue
      problems.push(`${path}:${line}: ${room} may not import ${target}`)
    }
  }
  return problems
}

/** No file imports itself by way of others. Each cycle is named once. */
export function checkCycles(sources: readonly Source[]): readonly Problem[] {
  const byPath = new Map(sources.map((source) => [source.path, source]))
  const done = new Set<string>()
  const trail: string[] = []
  const problems: Problem[] = []
  const visit = (path: string): void => {
    if (trail.includes(path)) {
      problems.push(`import cycle: ${[...trail.slice(trail.indexOf(path)), path].join(' -> ')}`)
      return
    }
    const source = byPath.get(path)
    if (source === undefined || done.has(path)) return
    trail.push(path)
    for (const { path: target, linked } of source.imports) {
      if (target !== undefined && linked) visit(target)
    }
    trail.pop()
    done.add(path)
  }
  for (const { path } of sources) visit(path)
  return problems
}

/** `format`, with everything that it imports, runs in a browser. Its tests need not. */
export function checkBrowserHalf(sources: readonly Source[]): readonly Problem[] {
  const byPath = new Map(sources.map((source) => [source.path, source]))
  const reached = new Map<string, string>()
  const queue = [...byPath.keys()].filter((path) => roomOf(path) === 'format' && !isTest(path))
  for (const path of queue) reached.set(path, path)
  const problems: Problem[] = []
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    const way = reached.get(path) ?? path
    for (const { specifier, path: target, line } of byPath.get(path)?.imports ?? []) {
      if (target !== undefined) {
        if (!reached.has(target)) queue.push(target)
        reached.set(target, reached.get(target) ?? `${way} -> ${target}`)
      } else if (!BROWSER_PACKAGES.some((name) => isFrom(name, specifier))) {
        problems.push(`${path}:${line}: ${specifier} is not for browsers (${way})`)
      }
    }
  }
  return problems
}

function isFrom(name: string, specifier: string): boolean {
  return specifier === name || specifier.startsWith(`${name}/`)
}
