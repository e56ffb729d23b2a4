// Whether a repair has kept all evidence: every object that was there is there still, or is in quarantine as it
// was found.

import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Bytes, toHex } from '../../src/base/bytes.ts'
import { isCairnError } from '../../src/base/errors.ts'
import { sha256 } from '../../src/base/hash.ts'
import { decodeQuarantined } from '../../src/format/quarantined.ts'

/** Hashes of the files of a repository by their names; links are not followed. */
export type Evidence = ReadonlyMap<string, string>

export function evidenceIn(folder: string): Evidence {
  const found = new Map<string, string>()
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!lstatSync(join(folder, path)).isFile()) continue
    found.set(path, hashOf(readFileSync(join(folder, path))))
  }
  return found
}

/** Names of what was there before, and is neither there now nor in quarantine. */
export function destroyed(folder: string, before: Evidence): readonly string[] {
  const now = evidenceIn(folder)
  const quarantined = new Set<string>()
  for (const name of now.keys()) {
    if (!name.startsWith('quarantine/')) continue
    const found = decoded(readFileSync(join(folder, name)))
    if (found !== undefined) quarantined.add(`${found.name} ${hashOf(found.bytes)}`)
  }
  const isKept = (name: string, hash: string) =>
    now.get(name) === hash || quarantined.has(`${name} ${hash}`)
  return [...before].filter(([name, hash]) => !isKept(name, hash)).map(([name]) => name)
}

function decoded(object: Bytes): ReturnType<typeof decodeQuarantined> | undefined {
  try {
    return decodeQuarantined(object)
  } catch (error) {
    if (isCairnError(error)) return undefined
    throw error
  }
}

function hashOf(bytes: Bytes): string {
  return toHex(sha256(bytes))
}
