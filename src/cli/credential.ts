// What opens the repository, from wherever the settings say. Secrets go from here into the sealer and
// nowhere else: no message, no event, no argument of another program has them.

import { spawnSync } from 'node:child_process'
import { CairnError } from '../base/errors.ts'
import type { Credential } from '../sealer/passphrase.ts'
import { askSecret, canAsk } from './ask.ts'
import type { Context } from './context.ts'
import { printableText } from './printable.ts'
import { keyIn, passphraseIn, readSecretFile } from './secret-file.ts'
import type { Other, SecretSource } from './settings.ts'

/** The credential that the settings name; undefined where they name none. Throws 'usage'. */
export function configuredCredential(context: Context): Credential | undefined {
  const { secret } = context.settings
  return secret === undefined ? undefined : credentialFrom(secret, context)
}

export function credentialFrom(source: SecretSource, context: Context): Credential {
  switch (source.kind) {
    case 'text':
      return passphrase(nonEmpty(source.passphrase))
    case 'file':
      return passphrase(passphraseIn(readWarning(source.path, context), source.path))
    case 'command':
      return passphrase(passphraseOfCommand(source.command))
    case 'key-file':
      return { kind: 'secret', secret: keyIn(readWarning(source.path, context), source.path) }
  }
}

/** Asks. Throws 'usage' where there is nobody to ask. */
export async function askedCredential(message: string, other?: Other): Promise<Credential> {
  if (!canAsk()) throw nothingGiven(message, other)
  return passphrase(nonEmpty(await askSecret(message)))
}

function passphrase(text: string): Credential {
  return { kind: 'passphrase', passphrase: text }
}

function nonEmpty(text: string): string {
  if (text.trim() !== '') return text
  throw new CairnError('usage', 'The passphrase is empty')
}

function readWarning(path: string, { output }: Context): Uint8Array {
  const { bytes, isExposed } = readSecretFile(path)
  if (isExposed) {
    const text = `${printableText(path)} can be read by others: run \`chmod 600\` on it`
    output.warning('secret-exposed', text)
  }
  return bytes
}

const OUTPUT_BYTES_MAX = 64 * 1024

function passphraseOfCommand(command: string): string {
  const done = spawnSync('/bin/sh', ['-c', command], {
    stdio: ['inherit', 'pipe', 'inherit'],
    maxBuffer: OUTPUT_BYTES_MAX,
  })
  if (done.error === undefined && done.status === 0) {
    return passphraseIn(new Uint8Array(done.stdout), 'the passphrase command')
  }
  const how = done.signal === null ? `exit code ${done.status ?? 'unknown'}` : done.signal
  throw new CairnError('usage', `The passphrase command failed (${done.error?.message ?? how})`, {
    hint: 'It is run by /bin/sh and has to print the passphrase to stdout and exit with 0.',
  })
}

function nothingGiven(asked: string, other: Other | undefined): CairnError {
  if (other !== undefined) {
    const text = `Cannot ask for the ${lowerFirst(asked)}: there is no terminal to ask on`
    const variable = `CAIRN_${other.toUpperCase()}`
    return new CairnError('usage', text, {
      hint:
        `Set ${variable}_PASSPHRASE_FILE, ${variable}_PASSPHRASE_COMMAND, ${variable}_PASSPHRASE or ` +
        `${variable}_KEY_FILE, or give --${other}-passphrase-file, --${other}-passphrase-command ` +
        `or --${other}-key-file.`,
    })
  }
  return new CairnError('usage', 'No passphrase was given, and there is no terminal to ask on', {
    hint:
      'Set CAIRN_PASSPHRASE_FILE, CAIRN_PASSPHRASE_COMMAND, CAIRN_PASSPHRASE or CAIRN_KEY_FILE, ' +
      'or give --passphrase-file, --passphrase-command or --key-file.',
  })
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1)
}
