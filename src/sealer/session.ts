// Sessions: one encapsulation to a domain's seal key, and the keys that follow from its shared
// secret (docs/format.md, section 7). Who seals keeps these keys in memory for one run and nowhere
// else; afterwards only the holder of the domain's seal seed gets them again.

import { type Bytes, concat, viewOf } from '../base/bytes.ts'
import { deriveKey, sha256 } from '../base/hash.ts'
import type { Session } from '../format/pack.ts'
import { encodePrefix, type PackKind } from '../format/prefix.ts'
import { binding } from './bind.ts'
import { xwingEncapsulate } from './xwing.ts'

/** What a session belongs to. */
export interface SessionScope {
  readonly repositoryId: Bytes
  readonly domain: Bytes
}

export interface SessionKeys {
  readonly session: Session
  /** Seals frames. */
  readonly frameKey: Bytes
  /** Seals the details of snapshots. */
  readonly detailsKey: Bytes
}

/** Begins a session to a public key that must come from a grant, never from a store. */
export function beginSession(
  scope: SessionScope,
  to: { readonly epoch: number; readonly sealPublicKey: Bytes },
): SessionKeys {
  const { encapsulation, sharedSecret } = xwingEncapsulate(to.sealPublicKey)
  return sessionKeys(scope, { epoch: to.epoch, encapsulation }, sharedSecret)
}

/** The keys of a session whose shared secret is known. */
export function sessionKeys(
  scope: SessionScope,
  session: Session,
  sharedSecret: Bytes,
): SessionKeys {
  const epoch = new Uint8Array(4)
  viewOf(epoch).setUint32(0, session.epoch, true)
  const material = concat([
    sharedSecret,
    sha256(session.encapsulation),
    scope.repositoryId,
    scope.domain,
    epoch,
  ])
  return {
    session,
    frameKey: deriveKey('cairn v1 frames', material),
    detailsKey: deriveKey('cairn v1 details', material),
  }
}

/**
 * What a frame is bound to: the prefix of packs of its kind in its session's epoch, and its session.
 * Not its pack: a frame can be moved without a key.
 */
export function frameBinding(scope: SessionScope, session: Session, kind: PackKind): Bytes {
  const prefix = encodePrefix({ kind, domain: scope.domain, epoch: session.epoch })
  return binding({
    repositoryId: scope.repositoryId,
    prefix,
    part: 'frame',
    extra: sha256(session.encapsulation),
  })
}
