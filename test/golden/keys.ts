// What opens the golden repositories. Fixed for ever, and of no use for anything else.

import { utf8 } from '../../src/base/bytes.ts'
import type { Credential } from '../../src/sealer/passphrase.ts'

export type RepositoryName = 'first' | 'grown' | 'junk'

/** With a ligature and a letter that is composed of two: NFKC makes plain ones of both. */
export const PASSPHRASE = 'the \ufb01rst of e\u0301very kind'
export const SAME_PASSPHRASE = 'the first of \u00e9very kind'

/** The content of a key file as `cairn key add --new-key-file` makes it, its line feed included. */
function keyFile(digit: string): string {
  return `${digit.repeat(64)}\n`
}

function secret(digit: string): Credential {
  return { kind: 'secret', secret: utf8(keyFile(digit)) }
}

const OWNER = '0'

export const CREDENTIALS = {
  passphrase: { kind: 'passphrase', passphrase: PASSPHRASE },
  owner: secret(OWNER),
  writer: secret('1'),
  reader: secret('2'),
  upkeep: secret('3'),
  /** Writes into a domain that is not its own, and was removed. */
  guest: secret('4'),
} as const satisfies Record<string, Credential>

export const OWNER_KEY_FILE = keyFile(OWNER)

/** The weakest that a reader accepts, because tests run it. */
export const COSTS = { memoryKib: 19 * 1024, passes: 2, parallelism: 1 } as const

/** What opens each grant of a repository, by the label of the grant. */
export const GRANTS: Readonly<Record<RepositoryName, Readonly<Record<string, Credential>>>> = {
  first: { owner: CREDENTIALS.passphrase, 'key file': CREDENTIALS.owner },
  grown: {
    owner: CREDENTIALS.owner,
    laptop: CREDENTIALS.writer,
    reader: CREDENTIALS.reader,
    upkeep: CREDENTIALS.upkeep,
    guest: CREDENTIALS.guest,
  },
  junk: { owner: CREDENTIALS.owner },
}
