// Which passphrases a new key may have. Argon2id makes each guess dear, not impossible: what is on
// everyone's list of guesses is refused. What opens an existing key is never judged.

import { CairnError } from '../base/errors.ts'

const CHARACTERS_MIN = 10
const DIFFERENT_MIN = 5

/** The beginnings of what guessers try first. */
const GUESSED =
  /^(?:passw[o0]rd|passphrase|1234567890|0123456789|qwerty|letmein|changeme|iloveyou)/i

/** Throws 'usage' on a passphrase that is too easy to guess. */
export function checkNewPassphrase(passphrase: string): void {
  const characters = Array.from(passphrase.normalize('NFKC').trim())
  const why =
    characters.length < CHARACTERS_MIN
      ? `it has fewer than ${CHARACTERS_MIN} characters`
      : new Set(characters).size < DIFFERENT_MIN
        ? `it has fewer than ${DIFFERENT_MIN} different characters`
        : GUESSED.test(characters.join('')) && characters.length < 2 * CHARACTERS_MIN
          ? 'it is one of the first that anyone would try'
          : undefined
  if (why === undefined) return
  throw new CairnError('usage', `This passphrase is too weak: ${why}`, {
    hint: 'Take several words that have nothing to do with each other.',
  })
}
