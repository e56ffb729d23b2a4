// `cairn key confirm`: shows that someone has the passphrase that Cairn generated, by opening the
// repository with what they typed and not with the file. On a terminal three of its words will do.

import { CairnError } from '../../base/errors.ts'
import { openRepository } from '../../repository/repository.ts'
import type { Credential } from '../../sealer/passphrase.ts'
import type { Random } from '../../sealer/random.ts'
import { askText, canAsk } from '../ask.ts'
import type { Context } from '../context.ts'
import { configuredCredential } from '../credential.ts'
import { keptCredential } from '../default-repository.ts'
import { loadState, saveState, stateOf } from '../repository-state.ts'
import { passphraseIn, readSecretFile } from '../secret-file.ts'
import { storeAt } from '../store.ts'

const WORDS_ASKED = 3

export async function keyConfirmAction(context: Context): Promise<undefined> {
  const { settings, output } = context
  const kept = keptCredential(context)
  const given = configuredCredential(context) ?? (await typedCredential(context, kept))
  const store = storeAt(context, { address: settings.address })
  const repository = await openRepository(store, { credential: given })
  const known = loadState(context, store.address)
  saveState(context, { ...stateOf(repository, known), passphraseConfirmed: true })
  output.summary('Confirmed: the passphrase that you wrote down opens the repository.')
  output.event({ event: 'result', repository: repository.idHex, confirmed: true })
  return undefined
}

async function typedCredential(
  { random }: Context,
  kept: Credential | undefined,
): Promise<Credential> {
  if (!canAsk()) {
    return { kind: 'passphrase', passphrase: words(passphraseIn(readSecretFile('-').bytes, '-')) }
  }
  if (kept?.kind === 'passphrase') {
    await askWords(kept.passphrase.split(' '), random)
    return kept
  }
  return { kind: 'passphrase', passphrase: words(await askText('Type the passphrase')) }
}

/** Between words any space is right. */
function words(text: string): string {
  return text.trim().split(/\s+/).join(' ')
}

/** Throws 'wrong-passphrase' where what was typed is not what is kept. */
async function askWords(kept: readonly string[], random: Random): Promise<void> {
  for (const at of somePlaces(kept.length, random)) {
    const answer = await askText(`Word ${at + 1} of the passphrase that you wrote down`)
    if (answer.trim().toLowerCase() === kept[at]?.toLowerCase()) continue
    throw new CairnError('wrong-passphrase', `That is not word ${at + 1} of the passphrase`, {
      hint: 'Compare what you wrote down with the file that it is kept in.',
    })
  }
}

/** Different places, in their order. */
function somePlaces(count: number, random: Random): readonly number[] {
  const places = Array.from({ length: count }, (_, at) => at)
  const bytes = random(count)
  const shuffled = places.sort((a, b) => (bytes[a] ?? 0) - (bytes[b] ?? 0))
  return shuffled.slice(0, WORDS_ASKED).sort((a, b) => a - b)
}
