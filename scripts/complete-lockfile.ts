// Adds to package-lock.json the optional packages of other platforms that npm left out.
//
// npm leaves an optional package out of the lock file where the registry in use does not have it (a
// mirror that holds only what Linux needs), and `npm ci` then refuses the lock file everywhere
// ("Missing: ... from lock file"). The exact version is known, because the package that asks for it
// pins it; os, cpu and libc are in its name. What is not known is its hash, so the entry has no
// `integrity`; to get that, run `npm install --package-lock-only` against a complete registry.
//
// Run it after every change of dependencies: `npm run lockfile`.

import { readFileSync, writeFileSync } from 'node:fs'

export interface LockedPackage {
  readonly version?: string
  readonly dev?: boolean
  readonly optional?: boolean
  readonly os?: string | readonly string[]
  readonly cpu?: string | readonly string[]
  readonly libc?: readonly string[]
  readonly resolved?: string
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

export type LockedPackages = Readonly<Record<string, LockedPackage>>

interface Gap {
  /** Its path in the lock file, `node_modules/...`. */
  readonly path: string
  readonly name: string
  readonly wanted: string
  readonly dev: boolean
}

const SYSTEMS = [
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'win32',
]
const PROCESSORS = ['arm', 'arm64', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'x64', 'wasm32']
const EXACT_VERSION = /^\d+\.\d+\.\d+(-[\w.]+)?$/

/** Optional packages that some package in the lock file asks for and that have no entry in it. */
export function findGaps(packages: LockedPackages): readonly Gap[] {
  const gaps = new Map<string, Gap>()
  for (const [from, { optionalDependencies = {}, dev = false }] of Object.entries(packages)) {
    for (const [name, wanted] of Object.entries(optionalDependencies)) {
      const path = `node_modules/${name}`
      const found = lookupPaths(from, name).some((place) => place in packages)
      const known = gaps.get(path)
      if (!found) gaps.set(path, { path, name, wanted, dev: dev && (known?.dev ?? true) })
    }
  }
  return [...gaps.values()]
}

/** Where Node looks for `name` when the package at `from` asks for it, nearest first. */
function lookupPaths(from: string, name: string): readonly string[] {
  const paths = [`node_modules/${name}`]
  for (let at = from; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    paths.unshift(`${at}/node_modules/${name}`)
  }
  return paths
}

function entryFor({ name, wanted, dev }: Gap): LockedPackage {
  const words = name.split(/[/-]/)
  const os = words.filter((word) => SYSTEMS.includes(word))
  const cpu = words.filter((word) => PROCESSORS.includes(word))
  if (!EXACT_VERSION.test(wanted) || os.length + cpu.length === 0) {
    throw new Error(`Cannot add ${name}@${wanted} to package-lock.json: it names no exact platform`)
  }
  const libc = /-gnu(eabi(hf)?)?$/.test(name)
    ? 'glibc'
    : /-musl(eabi(hf)?)?$/.test(name)
      ? 'musl'
      : ''
  return {
    version: wanted,
    ...(cpu.length > 0 && { cpu }),
    ...(dev && { dev }),
    ...(libc !== '' && { libc: [libc] }),
    optional: true,
    ...(os.length > 0 && { os }),
  }
}

/** The packages with an entry for each gap, in npm's order. */
export function completed(packages: LockedPackages): LockedPackages {
  const added = findGaps(packages).map((gap) => [gap.path, entryFor(gap)] as const)
  const all = [...Object.entries(packages), ...added]
  return Object.fromEntries(all.sort(([a], [b]) => a.localeCompare(b, 'en')))
}

if (import.meta.main) {
  const file = new URL('../package-lock.json', import.meta.url)
  const lock = JSON.parse(readFileSync(file, 'utf8')) as { packages: LockedPackages }
  const missing = findGaps(lock.packages)
  writeFileSync(
    file,
    `${JSON.stringify({ ...lock, packages: completed(lock.packages) }, null, 2)}\n`,
  )
  process.stdout.write(`package-lock.json: ${missing.length} entries added\n`)
}
