// Keys from what people keep: passphrases, stretched with Argon2id (RFC 9106), and secrets of full
// strength, which need no stretching.

import { argon2 } from 'node:crypto'
import { promisify } from 'node:util'
import { wordlist } from '@scure/bip39/wordlists/english.js'
import { type Bytes, utf8, viewOf } from '../base/bytes.ts'
import { CairnError } from '../base/errors.ts'
import { deriveKey, KeyedHasher } from '../base/hash.ts'
import { KEY_BYTES, type Wrapping } from '../format/keys.ts'
import type { Random } from './random.ts'

const stretch = promisify(argon2)

/** RFC 9106's second recommendation, with one lane. */
const DEFAULT_COSTS = { memoryKib: 64 * 1024, passes: 3, parallelism: 1 } as const
/** What a grant may ask for: enough to be worth something, little enough not to stop the machine. */
const FLOOR = { memoryKib: 19 * 1024, work: 38 * 1024 }
const CEILING = { memoryKib: 1024 * 1024, passes: 16, parallelism: 16, work: 4 * 1024 * 1024 }

/** What opens a grant. */
export type Credential =
  | { readonly kind: 'passphrase'; readonly passphrase: string }
  | { readonly kind: 'secret'; readonly secret: Bytes }

export function passphraseWrapping(random: Random, costs: Costs = DEFAULT_COSTS): Wrapping {
  return { kind: 'passphrase', salt: random(KEY_BYTES), ...costs }
}

export interface Costs {
  readonly memoryKib: number
  readonly passes: number
  readonly parallelism: number
}

/**
 * The key that wraps a grant; undefined where the credential is of the other kind. Throws
 * 'unsupported' on costs outside the limits: a store must not make us weak or slow.
 */
export async function wrappingKey(
  wrapping: Wrapping,
  credential: Credential,
): Promise<Bytes | undefined> {
  if (wrapping.kind === 'secret') {
    if (credential.kind !== 'secret') return undefined
    return new KeyedHasher(wrapping.salt).hash(deriveKey('cairn v1 secret', credential.secret))
  }
  if (credential.kind !== 'passphrase') return undefined
  checkCosts(wrapping)
  return stretch('argon2id', {
    message: normalised(credential.passphrase),
    nonce: wrapping.salt,
    parallelism: wrapping.parallelism,
    memory: wrapping.memoryKib,
    passes: wrapping.passes,
    tagLength: KEY_BYTES,
  })
}

function checkCosts({ memoryKib, passes, parallelism }: Costs): void {
  const work = memoryKib * passes
  const weak = memoryKib < FLOOR.memoryKib || work < FLOOR.work || parallelism < 1
  const heavy =
    memoryKib > CEILING.memoryKib ||
    passes > CEILING.passes ||
    parallelism > CEILING.parallelism ||
    work > CEILING.work
  if (!weak && !heavy) return
  throw new CairnError(
    'unsupported',
    `Cannot use a key that asks Argon2id for ${memoryKib} KiB, ${passes} passes and ${parallelism} lanes: ` +
      `that is too ${weak ? 'weak' : 'heavy'}`,
  )
}

/** The bytes of a passphrase, the same however a keyboard composes its letters. */
function normalised(passphrase: string): Bytes {
  return utf8(passphrase.normalize('NFKC'))
}

const WORD_COUNT = 8
const WORD_BITS = 11

/** Eight words of the BIP-39 list, drawn evenly: 88 bits, before stretching. */
export function generatePassphrase(random: Random): string {
  const bytes = random(2 * WORD_COUNT)
  return Array.from({ length: WORD_COUNT }, (_, i) => {
    const index = viewOf(bytes).getUint16(2 * i, true) & (2 ** WORD_BITS - 1)
    return wordlist[index] as string
  }).join(' ')
}
