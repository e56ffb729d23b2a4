// Where Cairn keeps what belongs to this user on this machine (XDG Base Directory Specification
// 0.8). Repository and passphrase are the user's data; state is what this machine remembers of
// repositories; everything under cache can be deleted at any time.

import { isAbsolute, join } from 'node:path'

export interface Places {
  readonly home: string
  readonly configuration: string
  /** The repository that is used where none is configured. */
  readonly repository: string
  /** Its generated passphrase: beside the repository, not in it. */
  readonly passphrase: string
  readonly state: string
  /** One folder for each repository, by its id. */
  readonly cache: string
  /** Node's compile cache. */
  readonly compiled: string
}

export type Environment = Readonly<Record<string, string | undefined>>

export function placesOf(env: Environment, home: string): Places {
  const folder = (variable: string, usual: string) =>
    join(absolute(env[variable]) ?? join(home, usual), 'cairn')
  const data = folder('XDG_DATA_HOME', '.local/share')
  const cache = folder('XDG_CACHE_HOME', '.cache')
  return {
    home,
    configuration: join(folder('XDG_CONFIG_HOME', '.config'), 'cairn.toml'),
    repository: join(data, 'repository'),
    passphrase: join(data, 'passphrase'),
    state: folder('XDG_STATE_HOME', '.local/state'),
    cache,
    compiled: join(cache, 'compiled'),
  }
}

/** The specification: relative paths in these variables are invalid, and ignored. */
function absolute(path: string | undefined): string | undefined {
  return path !== undefined && isAbsolute(path) ? path : undefined
}
