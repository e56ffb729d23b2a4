// Which repository, and what opens it: options come before the environment, that before the
// configuration file, that before the default. What opens it is one thing: a passphrase file on the
// command line puts aside a passphrase command in the configuration.

import { isAbsolute, resolve } from 'node:path'
import { CairnError } from '../base/errors.ts'
import { type Configuration, readConfiguration, SCHEME } from './configuration.ts'
import type { Environment, Places } from './places.ts'
import { isEscaped, workingFolderText } from './raw-arguments.ts'

/** The options that every command takes. */
export interface GlobalFlags {
  readonly repository?: string
  readonly passphraseFile?: string
  readonly passphraseCommand?: string
  readonly keyFile?: string
  readonly json?: boolean
  readonly quiet?: boolean
  readonly verbose?: boolean
  readonly color?: boolean
}

/** Where the secret that opens the repository comes from. */
export type SecretSource =
  | { readonly kind: 'text'; readonly passphrase: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'command'; readonly command: string }
  | { readonly kind: 'key-file'; readonly path: string }

/** Where there are two repositories: the second one's options and variables have this in their names. */
export type Other = 'to' | 'like'

/** What says how another repository than the one in use is opened. */
export interface OtherFlags {
  readonly passphraseFile: string | undefined
  readonly passphraseCommand: string | undefined
  readonly keyFile: string | undefined
}

export interface Settings {
  readonly address: string
  /** False for the default repository: the only one that is ever made without being asked for. */
  readonly isConfigured: boolean
  readonly secret: SecretSource | undefined
  /** What is named so is opened by these settings. */
  readonly other?: Other
}

export function settingsOf(
  flags: GlobalFlags,
  { env, places }: { readonly env: Environment; readonly places: Places },
): Settings {
  expectTextPlaces(places)
  const configuration = readConfiguration(places)
  const address =
    textOf('--repository', flags.repository) ??
    textOf('CAIRN_REPOSITORY', fromEnvironment(env, 'CAIRN_REPOSITORY')) ??
    configuration.repository
  if (address !== undefined) expectTextFolder(address)
  return {
    address: address ?? places.repository,
    isConfigured: address !== undefined,
    secret:
      theOne('the command line', secretsOfFlags(flags)) ??
      theOne('the environment', secretsOfEnvironment(env)) ??
      theOne(places.configuration, secretsOfConfiguration(configuration)),
  }
}

/**
 * The settings of another repository, at an address that an option has given: its own options come before its
 * own variables, and what the configuration file says is for the repository that it names.
 */
export function settingsOfOther(
  other: Other,
  {
    given,
    flags,
    env,
    places,
  }: {
    readonly given: string
    readonly flags: OtherFlags
    readonly env: Environment
    readonly places: Places
  },
): Settings {
  const address = addressOf(`--${other}`, given)
  const configuration = readConfiguration(places)
  const isAt = (known: string | undefined) => known !== undefined && isSamePlace(known, address)
  const kept = isAt(configuration.repository) ? secretsOfConfiguration(configuration) : []
  return {
    address,
    isConfigured: !isAt(places.repository),
    secret:
      theOne('the command line', secretsOfFlags(flags, `${other}-`)) ??
      theOne('the environment', secretsOfEnvironment(env, `${other.toUpperCase()}_`)) ??
      theOne(places.configuration, kept),
    other,
  }
}

function isSamePlace(one: string, another: string): boolean {
  const placeOf = (address: string) => (SCHEME.test(address) ? address : resolve(address))
  return placeOf(one) === placeOf(another)
}

/** Set and empty is a mistake in a script, which must not lead to the default. */
function fromEnvironment(env: Environment, name: string): string | undefined {
  const value = env[name]
  if (value !== '') return value
  throw new CairnError('usage', `${name} is set and empty`, {
    hint: `Set it, or \`unset ${name}\`.`,
  })
}

/**
 * What goes on as text has to be text: Node makes U+FFFD of every other byte, and so another path,
 * command or passphrase.
 */
function textOf(name: string, value: string | undefined): string | undefined {
  if (value === undefined || !isEscaped(value)) return value
  throw new CairnError('usage', `Cannot use ${name}: it is not valid UTF-8`, {
    hint: 'Only files, folders to back up and the target of a restore may have any bytes in their names.',
  })
}

/** The address of a store, given by an option. Throws 'usage' where it is no text. */
export function addressOf(option: string, value: string): string {
  const address = textOf(option, value) as string
  expectTextFolder(address)
  return address
}

function expectTextPlaces(places: Places): void {
  const { configuration, repository, state, cache } = places
  const odd = [configuration, repository, state, cache].find(isEscaped)
  if (odd === undefined) return
  throw new CairnError('usage', `Cannot keep anything in ${odd}: its name is not valid UTF-8`, {
    hint: 'Set XDG_CONFIG_HOME, XDG_DATA_HOME, XDG_STATE_HOME and XDG_CACHE_HOME to other folders.',
  })
}

/** A relative address is below the working folder, which has a name of its own. */
function expectTextFolder(address: string): void {
  if (isAbsolute(address) || SCHEME.test(address) || !isEscaped(workingFolderText())) return
  throw new CairnError(
    'usage',
    `Cannot use the repository ${address} below ${workingFolderText()}: that is not valid UTF-8`,
    { hint: 'Give the full path of a repository that is elsewhere.' },
  )
}

function theOne(where: string, secrets: readonly SecretSource[]): SecretSource | undefined {
  if (secrets.length <= 1) return secrets[0]
  throw new CairnError('usage', `More than one thing in ${where} says what opens the repository`, {
    hint: 'Give one passphrase file, passphrase command, passphrase or key file.',
  })
}

interface Given {
  readonly text?: string | undefined
  readonly file?: string | undefined
  readonly command?: string | undefined
  readonly keyFile?: string | undefined
}

function secretsOf({ text, file, command, keyFile }: Given): readonly SecretSource[] {
  const secrets: SecretSource[] = []
  if (text !== undefined) secrets.push({ kind: 'text', passphrase: text })
  if (file !== undefined) secrets.push({ kind: 'file', path: file })
  if (command !== undefined) secrets.push({ kind: 'command', command })
  if (keyFile !== undefined) secrets.push({ kind: 'key-file', path: keyFile })
  return secrets
}

function secretsOfFlags(
  flags: Partial<OtherFlags>,
  infix: `${Other}-` | '' = '',
): readonly SecretSource[] {
  const { passphraseFile: file, passphraseCommand, keyFile } = flags
  const command = textOf(`--${infix}passphrase-command`, passphraseCommand)
  return secretsOf({ file, command, keyFile })
}

function secretsOfEnvironment(env: Environment, infix = ''): readonly SecretSource[] {
  const named = (name: string) => `CAIRN_${infix}${name}`
  const textIn = (name: string) => textOf(named(name), fromEnvironment(env, named(name)))
  return secretsOf({
    text: textIn('PASSPHRASE'),
    file: fromEnvironment(env, named('PASSPHRASE_FILE')),
    command: textIn('PASSPHRASE_COMMAND'),
    keyFile: fromEnvironment(env, named('KEY_FILE')),
  })
}

function secretsOfConfiguration(configuration: Configuration): readonly SecretSource[] {
  return secretsOf({
    file: configuration['passphrase-file'],
    command: configuration['passphrase-command'],
    keyFile: configuration['key-file'],
  })
}
