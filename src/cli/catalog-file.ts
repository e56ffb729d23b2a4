// Where this machine keeps what it knows of a domain's snapshots: a file in the cache folder of the
// repository. It is written as a whole and renamed; what cannot be read or written costs time only. So what a kill
// leaves has one name, and two who write at once may spoil it for each other: what is sealed says whether it is whole.

import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../base/errors.ts'
import type { CatalogPlace } from '../repository/catalog.ts'
import type { Context } from './context.ts'

export function catalogIn({ output }: Pick<Context, 'output'>, cacheFolder: string): CatalogPlace {
  return {
    read: (domain) => {
      try {
        return new Uint8Array(readFileSync(join(cacheFolder, `catalog-${domain.hex}`)))
      } catch {
        return undefined
      }
    },
    write: (domain, sealed) => {
      const path = join(cacheFolder, `catalog-${domain.hex}`)
      const temporary = `${path}.new`
      try {
        mkdirSync(cacheFolder, { recursive: true, mode: 0o700 })
        writeFileSync(temporary, sealed, { mode: 0o600 })
        renameSync(temporary, path)
      } catch (error) {
        output.detail(`The local cache: ${messageOf(error)}`)
      }
    },
  }
}
