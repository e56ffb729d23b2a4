// Where this machine keeps what it knows of a domain's snapshots: a file in the cache folder of the
// repository. It is written as a whole and renamed; what cannot be read or written costs time only.

import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { toHex } from '../base/bytes.ts'
import { messageOf } from '../base/errors.ts'
import type { CatalogPlace } from '../repository/catalog.ts'
import type { Context } from './context.ts'

export function catalogIn({ output, random }: Context, cacheFolder: string): CatalogPlace {
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
      const temporary = `${path}.${toHex(random(8))}.new`
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
