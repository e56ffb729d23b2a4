// Where this machine has made copies, for `cairn sync`, which opens nothing: where a copy was and is not there
// any more its disk is not mounted, and a new one would fill the one below. Losing these files loses that notice.

import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { toHex, utf8 } from '../base/bytes.ts'
import { messageOf } from '../base/errors.ts'
import { sha256 } from '../base/hash.ts'
import type { Context } from './context.ts'

export function rememberCopy({ places, output }: Context, address: string): void {
  try {
    mkdirSync(join(places.state, FOLDER), { recursive: true, mode: 0o700 })
    writeFileSync(pathOf(places.state, address), `${address}\n`, { mode: 0o600 })
  } catch (error) {
    output.warning('state', `Cannot remember that there is a copy: ${messageOf(error)}`)
  }
}

export function isKnownCopy({ places }: Context, address: string): boolean {
  return existsSync(pathOf(places.state, address))
}

const FOLDER = 'copies'

function pathOf(state: string, address: string): string {
  return join(state, FOLDER, toHex(sha256(utf8(address))))
}
