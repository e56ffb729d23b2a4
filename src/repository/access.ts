// What a grant lets its holder do in one domain, as objects that do it. Nothing here checks a role:
// a key that the grant does not hold is simply not there, and asking for it says so.

import { type Bytes, toHex } from '../base/bytes.ts'
import { CairnError } from '../base/errors.ts'
import { deriveKey, KeyedHasher, sha256 } from '../base/hash.ts'
import { type BlobId, type BlobType, blobId } from '../format/ids.ts'
import type { DomainKeys, EpochKeys, Role } from '../format/keys.ts'
import type { Session } from '../format/pack.ts'
import { Seal } from '../sealer/seal.ts'
import {
  beginSession,
  type SessionKeys,
  type SessionScope,
  sessionKeys,
} from '../sealer/session.ts'
import { Signer } from '../sealer/sign.ts'
import type { Signatory } from '../sealer/signed.ts'
import { openXwing } from '../sealer/xwing.ts'

/** The key under which ids of blobs of a type are made. */
export function blobIdKey(idKey: Bytes, type: BlobType): Bytes {
  return deriveKey(`cairn v1 ${type} blob id`, idKey)
}

export class DomainAccess {
  readonly id: Bytes
  /** The id in hexadecimal: for maps and messages. */
  readonly hex: string
  readonly label: string
  readonly scope: SessionScope
  readonly #keys: DomainKeys
  readonly #role: Role
  readonly #headerSeals = new Map<number, Seal>()
  readonly #sessions = new Map<string, SessionKeys>()
  #hashers: Record<BlobType, KeyedHasher> | undefined
  #signatory: Signatory | undefined

  constructor(keys: DomainKeys, { repositoryId, role }: { repositoryId: Bytes; role: Role }) {
    this.id = keys.id
    this.hex = toHex(keys.id)
    this.label = keys.label
    this.scope = { repositoryId, domain: keys.id }
    this.#keys = keys
    this.#role = role
  }

  get canOpen(): boolean {
    return this.#keys.epochs.some((epoch) => epoch.sealSeed !== undefined)
  }

  get canWrite(): boolean {
    const { idKey, chunkerKey, signingSeed } = this.#keys
    return idKey !== undefined && chunkerKey !== undefined && signingSeed !== undefined
  }

  /** What another thread needs to open what is stored: no key that writes is among them. */
  get openingKeys(): DomainKeys {
    return { ...this.#keys, chunkerKey: undefined, signingSeed: undefined, certificate: undefined }
  }

  /** The epoch under which new objects are written. */
  get latest(): EpochKeys {
    const latest = this.#keys.epochs.at(-1)
    if (latest === undefined) throw this.#lacks('any epoch')
    return latest
  }

  headerSeal(epoch: number): Seal {
    const known = this.#headerSeals.get(epoch)
    if (known !== undefined) return known
    const seal = new Seal(this.#epoch(epoch).headerKey)
    this.#headerSeals.set(epoch, seal)
    return seal
  }

  /** A key for what this machine keeps of the domain for itself, under which nothing is stored. */
  localKey(purpose: string): Bytes {
    return deriveKey(`cairn v1 local ${purpose}`, this.latest.headerKey)
  }

  get idKey(): Bytes {
    return this.#keys.idKey ?? this.#fail('name its contents')
  }

  get chunkerKey(): Bytes {
    return this.#keys.chunkerKey ?? this.#fail('write to it')
  }

  get signatory(): Signatory {
    const { signingSeed, certificate } = this.#keys
    if (signingSeed === undefined || certificate === undefined) return this.#fail('sign for it')
    this.#signatory ??= { signer: new Signer(signingSeed), certificate }
    return this.#signatory
  }

  /** The id of a blob with this plaintext. */
  idOf(type: BlobType, plaintext: Bytes): BlobId {
    this.#hashers ??= {
      data: new KeyedHasher(blobIdKey(this.idKey, 'data')),
      tree: new KeyedHasher(blobIdKey(this.idKey, 'tree')),
    }
    return blobId(this.#hashers[type].hash(plaintext))
  }

  /** A new session, sealed to the domain's newest key. */
  beginSession(): SessionKeys {
    return beginSession(this.scope, this.latest)
  }

  /** The keys that a session's frames and details open with. */
  sessionKeys(session: Session): SessionKeys {
    const name = `${session.epoch}:${toHex(sha256(session.encapsulation))}`
    const known = this.#sessions.get(name)
    if (known !== undefined) return known
    const { sealSeed } = this.#epoch(session.epoch)
    if (sealSeed === undefined) return this.#fail('open what is stored')
    const secret = openXwing(sealSeed).decapsulate(session.encapsulation)
    const keys = sessionKeys(this.scope, session, secret)
    this.#sessions.set(name, keys)
    return keys
  }

  #epoch(epoch: number): EpochKeys {
    return (
      this.#keys.epochs.find((one) => one.epoch === epoch) ?? this.#fail(`use its epoch ${epoch}`)
    )
  }

  #fail(what: string): never {
    throw this.#lacks(`a key to ${what}`)
  }

  #lacks(what: string): CairnError {
    return new CairnError(
      'not-permitted',
      `Not permitted: this ${this.#role} key does not hold ${what} (domain ${this.label})`,
      { hint: 'Use a key with another role: `cairn key list` shows which there are.' },
    )
  }
}
