// A new passphrase or key file: from where it is said, or asked for twice.

import { CairnError } from '../base/errors.ts'
import { KEY_BYTES, type Wrapping } from '../format/keys.ts'
import { type Credential, passphraseWrapping } from '../sealer/passphrase.ts'
import type { Random } from '../sealer/random.ts'
import { askSecret, canAsk } from './ask.ts'
import type { Context } from './context.ts'
import { credentialFrom } from './credential.ts'
import { checkNewPassphrase } from './passphrase-rules.ts'
import { printableText } from './printable.ts'
import { isSecretThere, writeNewKeyFile } from './secret-file.ts'
import type { SecretSource } from './settings.ts'

export interface NewSecretFlags {
  readonly newPassphraseFile?: string
  readonly newKeyFile?: string
}

/** Where a new secret comes from; undefined where it is to be asked for. Throws 'usage'. */
export function newSecretSource(flags: NewSecretFlags): SecretSource | undefined {
  const { newPassphraseFile, newKeyFile } = flags
  if (newPassphraseFile !== undefined && newKeyFile !== undefined) {
    throw new CairnError('usage', 'Give a new passphrase or a new key file, not both')
  }
  if (newPassphraseFile !== undefined) return { kind: 'file', path: newPassphraseFile }
  return newKeyFile === undefined ? undefined : { kind: 'key-file', path: newKeyFile }
}

/** Throws 'usage' on a passphrase that is too weak, or where there is nobody to ask. */
export async function newCredential(
  context: Context,
  source: SecretSource | undefined,
): Promise<Credential> {
  if (source === undefined) return askedTwice()
  makeKeyFile(context, source)
  const credential = credentialFrom(source, context)
  if (credential.kind === 'passphrase') checkNewPassphrase(credential.passphrase)
  return credential
}

/** How a key is wrapped for a credential. */
export function wrappingFor(credential: Credential, random: Random): Wrapping {
  if (credential.kind === 'passphrase') return passphraseWrapping(random)
  return { kind: 'secret', salt: random(KEY_BYTES) }
}

/** A key file that is not there yet is made: nobody should have to invent one. */
function makeKeyFile({ output, random }: Context, source: SecretSource): void {
  if (source.kind !== 'key-file' || source.path === '-' || isSecretThere(source.path)) return
  if (writeNewKeyFile(source.path, random)) {
    output.note(`Made the key file ${printableText(source.path)}`)
  }
}

async function askedTwice(): Promise<Credential> {
  if (!canAsk()) throw nobodyThere()
  const passphrase = await askSecret('New passphrase')
  checkNewPassphrase(passphrase)
  if ((await askSecret('Once more')) === passphrase) return { kind: 'passphrase', passphrase }
  throw new CairnError('usage', 'The two passphrases differ: nothing was changed')
}

function nobodyThere(): CairnError {
  return new CairnError(
    'usage',
    'No new passphrase was given, and there is no terminal to ask on',
    {
      hint: 'Give it in a file: see --help.',
    },
  )
}
