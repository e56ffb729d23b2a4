// What some tests need from the machine: root, a loop device, a shell. A suite says what it needs:
//
//   describeWith('holes survive', ['root', 'loop'], () => { ... })
//
// Where something is missing the suite is skipped, and its name in the report says what for. Where
// CAIRN_TEST_REQUIRE names what is missing (.ci/run names all), it fails instead: no suite drops
// out of the gate unnoticed.

import { spawnSync } from 'node:child_process'
import {
  accessSync,
  constants,
  mkdirSync,
  mkdtempSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, test } from 'vitest'

/** True where the command is on PATH. */
function hasCommand(name: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

function succeeds(command: string, ...args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0
}

function withScratch(probe: (folder: string) => boolean): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'cairn-probe-'))
  try {
    return probe(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function isRoot(): boolean {
  return process.geteuid?.() === 0
}

/** Whether Cairn can be run as another user, who must get at this checkout and at its Node. */
function canRunAsAnother(): boolean {
  if (!isRoot()) return false
  const file = fileURLToPath(new URL('../package.json', import.meta.url))
  const script = `require('node:fs').readFileSync(${JSON.stringify(file)})`
  const options = { uid: 65534, gid: 65534, stdio: 'ignore' } as const
  return spawnSync(process.execPath, ['-e', script], options).status === 0
}

function canMountTmpfs(): boolean {
  return (
    isRoot() &&
    withScratch(
      (folder) => succeeds('mount', '-t', 'tmpfs', 'none', folder) && succeeds('umount', folder),
    )
  )
}

/** A file can be formatted and mounted, which is what suites with a file system of their own do. */
function canMountLoop(): boolean {
  return (
    isRoot() &&
    withScratch((folder) => {
      const image = join(folder, 'image')
      const mountPoint = join(folder, 'mount')
      writeFileSync(image, '')
      truncateSync(image, 4 << 20)
      mkdirSync(mountPoint)
      return (
        succeeds('mkfs.ext4', '-q', '-F', image) &&
        succeeds('mount', '-o', 'loop', image, mountPoint) &&
        succeeds('umount', mountPoint)
      )
    })
  )
}

const PROBES = {
  root: isRoot,
  'other-user': canRunAsAnother,
  acl: () => hasCommand('setfacl') && hasCommand('getfacl'),
  attr: () => hasCommand('setfattr') && hasCommand('getfattr'),
  rsync: () => hasCommand('rsync'),
  capabilities: () => hasCommand('setcap') && hasCommand('getcap'),
  tmpfs: canMountTmpfs,
  loop: canMountLoop,
  fuse: () => isRoot() && hasCommand('fusermount3') && succeeds('test', '-c', '/dev/fuse'),
  bash: () => succeeds('test', '-r', '/usr/share/bash-completion/bash_completion'),
  zsh: () => hasCommand('zsh'),
  fish: () => hasCommand('fish'),
} as const satisfies Record<string, () => boolean>

export type Requirement = keyof typeof PROBES

export const REQUIREMENTS = Object.keys(PROBES) as readonly Requirement[]

/** The requirements that a list such as CAIRN_TEST_REQUIRE's names; a name unknown here throws. */
export function parseRequired(list: string): ReadonlySet<Requirement> {
  const names = list.split(',').map((name) => name.trim())
  const known = names.filter((name): name is Requirement => Object.hasOwn(PROBES, name))
  const unknown = names.filter((name) => name !== '' && !Object.hasOwn(PROBES, name))
  if (unknown.length > 0) {
    throw new Error(
      `Cannot use CAIRN_TEST_REQUIRE: ${unknown.join(', ')} is not one of ${REQUIREMENTS.join(', ')}`,
    )
  }
  return new Set(known)
}

const answers = new Map<Requirement, boolean>()

/** Whether this machine has it. Asked once for each test file. */
function isAvailable(requirement: Requirement): boolean {
  const answer = answers.get(requirement) ?? PROBES[requirement]()
  answers.set(requirement, answer)
  return answer
}

export type Verdict =
  | { readonly kind: 'run' }
  | { readonly kind: 'skip' | 'fail'; readonly missing: readonly Requirement[] }

/** What becomes of a suite with these needs. */
export function judge(
  needs: readonly Requirement[],
  machine: {
    readonly has: (requirement: Requirement) => boolean
    readonly required: ReadonlySet<Requirement>
  },
): Verdict {
  const missing = needs.filter((need) => !machine.has(need))
  if (missing.length === 0) return { kind: 'run' }
  return { kind: missing.some((need) => machine.required.has(need)) ? 'fail' : 'skip', missing }
}

/** `describe` for a suite that needs something from the machine. */
export function describeWith(name: string, needs: readonly Requirement[], body: () => void): void {
  const required = parseRequired(process.env['CAIRN_TEST_REQUIRE'] ?? '')
  const verdict = judge(needs, { has: isAvailable, required })
  if (verdict.kind === 'run') {
    describe(name, body)
    return
  }
  const lack = verdict.missing.join(', ')
  if (verdict.kind === 'skip') {
    describe.skip(`${name} (skipped: this machine lacks ${lack})`, body)
    return
  }
  test(name, () => {
    throw new Error(`CAIRN_TEST_REQUIRE names what this machine lacks: ${lack}`)
  })
}
