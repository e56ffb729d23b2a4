// The programs that are compared, each as its own documentation tells a user to run it: encrypted, zstd
// at level 3 or, for restic, at its 'auto'.

import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Command } from './measure.ts'

export interface Peer {
  readonly name: string
  readonly version: Command
  init(): Command
  backup(source: string): Command
  restore(source: string, target: string): Command
  check(): Command
  /** Folders that make up the repository. */
  readonly repository: string
}

/**
 * The caches of what is backed up are new for each run. What Node keeps of the compiled program is not: it
 * stays where the launcher would put it, as what others are compiled to stays where it was installed.
 */
const COMPILED = process.env['NODE_COMPILE_CACHE'] ?? join(homedir(), '.cache', 'cairn', 'compiled')

const CAIRN = fileURLToPath(new URL('../bin/cairn', import.meta.url))

/** `folder` is where a peer keeps its repository and caches. */
export function peers(folder: string): readonly Peer[] {
  return [cairn(join(folder, 'cairn')), restic(join(folder, 'restic')), borg(join(folder, 'borg'))]
}

export function cairn(folder: string, options: readonly string[] = []): Peer {
  const repository = join(folder, 'repository')
  const env = {
    CAIRN_REPOSITORY: repository,
    CAIRN_PASSPHRASE: 'a passphrase for measuring only',
    NODE_COMPILE_CACHE: COMPILED,
    XDG_CACHE_HOME: join(folder, 'cache'),
    XDG_STATE_HOME: join(folder, 'state'),
    XDG_CONFIG_HOME: join(folder, 'config'),
    XDG_DATA_HOME: join(folder, 'data'),
  }
  const run = (...argv: string[]): Command => ({ argv: [CAIRN, '--quiet', ...argv], env })
  return {
    name: 'cairn',
    repository,
    version: run('version'),
    init: () => run('init'),
    backup: (source) => run('backup', '--one-file-system', ...options, source),
    restore: (source, target) => run('restore', `latest:${source}`, '--target', target),
    check: () => run('check', '--read-data'),
  }
}

function restic(folder: string): Peer {
  const repository = join(folder, 'repository')
  const env = {
    RESTIC_REPOSITORY: repository,
    RESTIC_PASSWORD: 'a passphrase for measuring only',
    RESTIC_CACHE_DIR: join(folder, 'cache'),
  }
  const run = (...argv: string[]): Command => ({ argv: ['restic', '--quiet', ...argv], env })
  return {
    name: 'restic',
    repository,
    version: { argv: ['restic', 'version'] },
    init: () => run('init'),
    backup: (source) => run('backup', '--one-file-system', source),
    restore: (_source, target) => run('restore', 'latest', '--target', target),
    check: () => run('check', '--read-data'),
  }
}

function borg(folder: string): Peer {
  const repository = join(folder, 'repository')
  const env = {
    BORG_REPO: repository,
    BORG_PASSPHRASE: 'a passphrase for measuring only',
    BORG_BASE_DIR: folder,
    BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK: 'yes',
  }
  let made = 0
  return {
    name: 'borg',
    repository,
    version: { argv: ['borg', '--version'] },
    init: () => ({
      argv: ['borg', 'init', '--encryption=repokey-blake2', '--make-parent-dirs'],
      env,
    }),
    backup: (source) => {
      made++
      const argv = [
        'borg',
        'create',
        '--one-file-system',
        '--compression=zstd,3',
        `::run${made}`,
        source,
      ]
      return { argv, env }
    },
    restore: (_source, target) => ({ argv: ['borg', 'extract', `::run${made}`], env, cwd: target }),
    check: () => ({ argv: ['borg', 'check', '--verify-data'], env }),
  }
}
