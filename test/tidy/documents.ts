// What the documents must mention: every dependency, every error code, every option of the command.
// Both ways round: what is documented and no longer there is a problem too.

import type { Problem } from './sources.ts'

export interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

/** The names in backquotes at the start of a line's text. */
function leadingNames(text: string): readonly string[] {
  const lead = /^(`[^`]+`(, )?)+/.exec(text)?.[0] ?? ''
  return [...lead.matchAll(/`([^`]+)`/g)].map(([, name]) => name as string)
}

function compareNames(
  what: { readonly kind: string; readonly file: string },
  names: { readonly real: readonly string[]; readonly documented: readonly string[] },
): readonly Problem[] {
  const { real, documented } = names
  return [
    ...real
      .filter((name) => !documented.includes(name))
      .map((name) => `${what.file}: the ${what.kind} ${name} has no line`),
    ...documented
      .filter((name) => !real.includes(name))
      .map((name) => `${what.file}: the ${what.kind} ${name} does not exist`),
    ...documented
      .filter((name, at) => documented.indexOf(name) !== at)
      .map((name) => `${what.file}: the ${what.kind} ${name} has two lines`),
  ]
}

/** `- `name`: why`; packages that are one thing may share a line. */
export function checkDependencies(manifest: Manifest, markdown: string): readonly Problem[] {
  const { dependencies, devDependencies, optionalDependencies } = manifest
  const all = { ...dependencies, ...devDependencies, ...optionalDependencies }
  const lines = markdown.split('\n').filter((line) => /^- `[^`]+`(, `[^`]+`)*: .{20,}/.test(line))
  const documented = lines.flatMap((line) => leadingNames(line.slice(2)))
  const what = { kind: 'dependency', file: 'docs/dependencies.md' }
  return compareNames(what, { real: Object.keys(all), documented })
}

export function checkExactVersions(manifest: Manifest): readonly Problem[] {
  const { dependencies, devDependencies, optionalDependencies } = manifest
  return Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies })
    .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
    .map(([name, version]) => `package.json: ${name} is not pinned (${version})`)
}

/** A row of a table for each code: `| `code` | exit code | meaning | what to do |`, no cell empty. */
export function checkErrorCodes(codes: readonly string[], markdown: string): readonly Problem[] {
  const rows = markdown.split('\n').filter((line) => line.startsWith('| `'))
  const full = rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
  const documented = full.filter((cells) => cells.length >= 4 && !cells.includes(''))
  const names = documented.flatMap(([code = '']) => leadingNames(code))
  return compareNames(
    { kind: 'error code', file: 'docs/errors.md' },
    { real: codes, documented: names },
  )
}

export interface CommandShape {
  /** As typed: `cairn key add`. */
  readonly name: string
  /** The long flags: `--exclude`. */
  readonly options: readonly string[]
}

/** Every command has a heading with its name in backquotes, and below it every option is named. */
export function checkCommands(
  commands: readonly CommandShape[],
  markdown: string,
): readonly Problem[] {
  const sections = new Map<string, string>()
  for (const section of markdown.split(/^(?=#)/m)) {
    const name = /^#+ `([^`]+)`/.exec(section)?.[1]
    if (name !== undefined) sections.set(name, section)
  }
  return commands.flatMap(({ name, options }) => {
    const section = sections.get(name)
    if (section === undefined) return [`docs/cli.md: the command ${name} has no section`]
    const named = new Set(section.match(/--[a-z0-9][a-z0-9-]*/g))
    const missing = options.filter((option) => !named.has(option))
    return missing.map((option) => `docs/cli.md: ${name} does not name ${option}`)
  })
}
