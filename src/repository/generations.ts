// Objects that come in generations: the config and the owner's keyring. A new one gets the next number;
// none is ever overwritten. Readers take the highest that is authentic.

import { type Bytes, equalBytes, toHex } from '../base/bytes.ts'
import { CairnError, isCairnError, whileDoing } from '../base/errors.ts'
import { sha256 } from '../base/hash.ts'
import { decode } from '../format/codec.ts'
import { type Config, configCodec } from '../format/config.ts'
import type { Keyring } from '../format/keys.ts'
import { expectPrefix, PREFIX_BYTES } from '../format/prefix.ts'
import { payloadMessage, SIGNATURE_BYTES } from '../format/signing.ts'
import type { OwnerKeys } from '../sealer/grant.ts'
import { isSignedBy } from '../sealer/sign.ts'
import type { Store } from '../store/store.ts'
import { WITHHELD } from './object-problem.ts'
import { readObject } from './read-object.ts'

const KEYRING = /^keys\/keyring-(\d{8})$/
const GRANT = /^keys\/[0-9a-f]{64}$/
const CONFIG = /^config\/(\d{8})$/

export function configName(generation: number): string {
  return `config/${digits(generation)}`
}

export function keyringName(generation: number): string {
  return `keys/keyring-${digits(generation)}`
}

/** A grant is named by the SHA-256 of its bytes; other names under keys/ are no part of a repository. */
export function isGrantName(name: string): boolean {
  return GRANT.test(name)
}

/** Whether a grant's bytes are those that it was stored with. */
export function isGrantAsNamed(name: string, object: Bytes): boolean {
  return name === `keys/${toHex(sha256(object))}`
}

export function isKeyringName(name: string): boolean {
  return KEYRING.test(name)
}

export function isConfigName(name: string): boolean {
  return CONFIG.test(name)
}

function digits(generation: number): string {
  return String(generation).padStart(8, '0')
}

/** The generations that a store has, newest first. */
async function generations(store: Store, folder: 'config/' | 'keys/'): Promise<readonly number[]> {
  const pattern = folder === 'config/' ? CONFIG : KEYRING
  const found: number[] = []
  for await (const { name } of store.list(folder)) {
    const digitsFound = pattern.exec(name)?.[1]
    if (digitsFound !== undefined) found.push(Number(digitsFound))
  }
  return found.sort((a, b) => b - a)
}

export async function newestGeneration(
  store: Store,
  folder: 'config/' | 'keys/',
): Promise<number | undefined> {
  return (await generations(store, folder))[0]
}

/** The message under a config's signature. */
export function configMessage(options: {
  readonly prefix: Bytes
  readonly payload: Bytes
  readonly repositoryId: Bytes
}): Bytes {
  const { prefix, payload, repositoryId } = options
  return payloadMessage({ repositoryId, prefix, payloadHash: sha256(payload) })
}

/** What a grant has pinned: the config must agree with it. */
export interface Pinned {
  readonly repositoryId: Bytes
  readonly ownerVerifyKey: Bytes
}

/** A generation, or a grant, that was passed over. */
export interface Skipped {
  readonly name: string
  readonly why: string
  /** Where the store has it and does not give it out, what it said: another time it may count. */
  readonly withheld?: CairnError
  /** Whether a later version of Cairn could use it. */
  readonly isNewer?: boolean
}

/** What is passed over because of this error. Throws it on, with the name, where it stops the work. */
export function skippedBy(name: string, error: unknown): Skipped {
  if (isCairnError(error, ...WITHHELD)) return { name, why: error.message, withheld: error }
  if (isCairnError(error, ...SKIPPED)) return { name, why: error.message }
  throw whileDoing(`Cannot use ${name}`, error, { object: name })
}

const SKIPPED = ['object-damaged', 'object-foreign', 'object-missing'] as const

/** A store that gives out none is a store that is gone: says so, rather than that none is right. */
export function expectGivenOut(skipped: readonly Skipped[]): void {
  const withheld = skipped.find((one) => one.withheld !== undefined)?.withheld
  if (withheld !== undefined) throw withheld
}

/**
 * The newest config that the pinned owner signed for the pinned repository; newer ones that are not, or
 * cannot be read, are in `skipped`. Throws 'object-foreign' where there is none.
 */
export async function loadConfig(
  store: Store,
  pinned: Pinned,
): Promise<{ config: Config; skipped: readonly Skipped[] }> {
  const skipped: Skipped[] = []
  for (const generation of await generations(store, 'config/')) {
    const name = configName(generation)
    try {
      const config = openConfig(await readObject(store, name), pinned)
      if (config.generation === generation) return { config, skipped }
      skipped.push({ name, why: `it says that it is generation ${config.generation}` })
    } catch (error) {
      skipped.push(skippedBy(name, error))
    }
  }
  expectGivenOut(skipped)
  throw new CairnError(
    'object-foreign',
    `Cannot trust the repository at ${store.address}: its config is not the one that this key was made for` +
      (skipped[0] === undefined ? '' : ` (${skipped[0].name}: ${skipped[0].why})`),
    {
      hint: 'Someone may have replaced the repository. Compare it with another copy before you go on.',
    },
  )
}

/** Decodes and verifies a config. Throws 'object-damaged', 'object-foreign' or 'unsupported'. */
export function openConfig(object: Bytes, pinned: Pinned): Config {
  expectPrefix(object, 'config')
  const prefix = object.subarray(0, PREFIX_BYTES)
  const signature = object.subarray(PREFIX_BYTES, PREFIX_BYTES + SIGNATURE_BYTES)
  const payload = object.subarray(PREFIX_BYTES + SIGNATURE_BYTES)
  const message = configMessage({ prefix, payload, repositoryId: pinned.repositoryId })
  if (!isSignedBy({ verifyKey: pinned.ownerVerifyKey, message, signature })) {
    throw new CairnError(
      'object-foreign',
      'the signature is not that of the owner of this repository',
    )
  }
  const config = decode(configCodec, payload)
  if (!equalBytes(config.repositoryId, pinned.repositoryId)) {
    throw new CairnError('object-foreign', 'it belongs to another repository')
  }
  return config
}

/** The newest keyring that the owner's keys open; newer ones that cannot be read are in `skipped`. */
export async function loadKeyring(
  store: Store,
  { owner, repositoryId }: { readonly owner: OwnerKeys; readonly repositoryId: Bytes },
): Promise<{ keyring: Keyring; skipped: readonly Skipped[] }> {
  const skipped: Skipped[] = []
  for (const generation of await generations(store, 'keys/')) {
    const name = keyringName(generation)
    try {
      const keyring = owner.openKeyring(await readObject(store, name), repositoryId)
      if (keyring.generation === generation) return { keyring, skipped }
      skipped.push({ name, why: `it says that it is generation ${keyring.generation}` })
    } catch (error) {
      skipped.push(skippedBy(name, error))
    }
  }
  expectGivenOut(skipped)
  throw new CairnError(
    'object-missing',
    `Cannot open the repository at ${store.address}: no keyring in it opens with the owner's key`,
    { hint: 'Bring keys/keyring-* back from a copy of the repository or from the recovery kit.' },
  )
}
