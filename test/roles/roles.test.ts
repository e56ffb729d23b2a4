// What each role can and cannot do, tried with the keys themselves: with what is in the grant and the
// sealer's functions, and not through any check that the program makes.

import { beforeAll, describe, expect, test } from 'vitest'
import { type Bytes, equalBytes, toHex, utf8 } from '../../src/base/bytes.ts'
import { systemClock } from '../../src/base/clock.ts'
import { CairnError } from '../../src/base/errors.ts'
import { KeyedHasher } from '../../src/base/hash.ts'
import { decode, encode } from '../../src/format/codec.ts'
import type { DomainKeys, Grant } from '../../src/format/keys.ts'
import type { PackHeader } from '../../src/format/pack.ts'
import { decodePrefix, encodePrefix } from '../../src/format/prefix.ts'
import { receiptCodec } from '../../src/format/records.ts'
import { certificateCodec, SIGNATURE_BYTES } from '../../src/format/signing.ts'
import { decodeSnapshot, detailsCodec, summaryCodec } from '../../src/format/snapshot.ts'
import { openFrame } from '../../src/packer/frame.ts'
import { openPackHeader } from '../../src/packer/pack-writer.ts'
import { blobIdKey } from '../../src/repository/access.ts'
import { addGrant, type NewRole } from '../../src/repository/grants-add.ts'
import { openRepository, type Repository } from '../../src/repository/repository.ts'
import { binding } from '../../src/sealer/bind.ts'
import { issueCertificate, Trust } from '../../src/sealer/certificate.ts'
import { OwnerKeys } from '../../src/sealer/grant.ts'
import { systemRandom } from '../../src/sealer/random.ts'
import { Seal } from '../../src/sealer/seal.ts'
import { beginSession, frameBinding, sessionKeys } from '../../src/sealer/session.ts'
import { Signer } from '../../src/sealer/sign.ts'
import { openSigned, sealSigned } from '../../src/sealer/signed.ts'
import { xwingDecapsulate } from '../../src/sealer/xwing.ts'
import type { Store } from '../../src/store/store.ts'
import { backupFiles, namesOf, newSecret, noise, sampleRepository } from '../repositories/sample.ts'

type Holder = 'owner' | 'writer' | 'reader' | 'upkeep' | 'stranger'
const HOLDERS: readonly Holder[] = ['owner', 'writer', 'reader', 'upkeep', 'stranger']

/** What was stored by the owner in the domain that all but the stranger hold a grant for. */
let store: Store
let ownerView: Repository
let target: DomainKeys
let grants: Record<Holder, Grant>

beforeAll(async () => {
  const sample = await sampleRepository({ 'a.txt': 'alpha', 'b.bin': noise(100_000) })
  store = sample.store
  const give = async (role: NewRole, label: string): Promise<Grant> => {
    const key = newSecret()
    const fresh = await openRepository(store, sample.owner)
    await addGrant(fresh, { ...role, label, ...key, random: systemRandom, clock: systemClock })
    const opened = await openRepository(store, key)
    if (role.role === 'writer' && role.domain === undefined) {
      await backupFiles(opened, { files: { x: 'of a stranger' } })
    }
    return opened.grant
  }
  grants = {
    owner: sample.repository.grant,
    writer: await give({ role: 'writer', domain: 'default' }, 'writer'),
    reader: await give({ role: 'reader', domains: ['default'] }, 'reader'),
    upkeep: await give({ role: 'upkeep', domains: ['default'] }, 'upkeep'),
    stranger: await give({ role: 'writer' }, 'stranger'),
  }
  ownerView = await openRepository(store, sample.owner)
  target = ownerView.ownership?.keyring.domains[0] as DomainKeys
})

/** All that a holder has of keys: of the owner what its secret opens, of others what the grant says. */
async function keysOf(holder: Holder): Promise<readonly DomainKeys[]> {
  const grant = grants[holder]
  if (grant.ownerSecret === undefined) return grant.domains
  const names = (await namesOf(store, 'keys/')).filter((name) => name.includes('keyring'))
  const keyring = new OwnerKeys(grant.ownerSecret).openKeyring(
    await store.get(names.at(-1) as string),
    grant.repositoryId,
  )
  return keyring.domains
}

/** Whether any of the keys does it: what throws, or is not what it should be, does not. */
async function can(
  holder: Holder,
  attempt: (keys: DomainKeys, grant: Grant) => unknown,
): Promise<boolean> {
  for (const keys of await keysOf(holder)) {
    try {
      if ((await attempt(keys, grants[holder])) !== false) return true
    } catch (error) {
      if (!(error instanceof CairnError) && !(error instanceof LacksKey)) throw error
    }
  }
  return false
}

class LacksKey extends Error {}

/** The key, or every other key of the grant would have to do: none is of this kind. */
function need(key: Bytes | undefined): Bytes {
  if (key === undefined) throw new LacksKey()
  return key
}

/** Of the target domain, whoever tries. */
async function objectsOf(folder: string): Promise<readonly { name: string; object: Bytes }[]> {
  const found = []
  for (const name of await namesOf(store, folder)) {
    const object = await store.get(name)
    if (equalBytes(decodePrefix(object).domain, target.id)) found.push({ name, object })
  }
  return found
}

/** Every 32-byte key in a grant, whatever it is for. */
function allSecrets(keys: DomainKeys): readonly Bytes[] {
  const secrets = [keys.idKey, keys.chunkerKey, keys.signingSeed]
  for (const { headerKey, sealSeed } of keys.epochs) secrets.push(headerKey, sealSeed)
  return secrets.filter((secret) => secret !== undefined)
}

function headerWith(headerKey: Bytes, object: Bytes, repositoryId: Bytes): PackHeader {
  const { kind, domain, epoch } = decodePrefix(object)
  const length = new DataView(object.buffer, object.byteOffset).getUint32(object.length - 4, true)
  return openPackHeader(object.subarray(object.length - 4 - length, object.length - 4), {
    kind: kind as 'data-pack',
    domain,
    epoch,
    repositoryId,
    headerSeal: new Seal(headerKey),
    packBytes: object.length,
  })
}

async function readsHeaders({ epochs }: DomainKeys, { repositoryId }: Grant): Promise<boolean> {
  for (const { object } of await objectsOf('packs/'))
    headerWith(epochs[0]?.headerKey as Bytes, object, repositoryId)
  return true
}

function openSummary(keys: DomainKeys, grant: Grant, object: Bytes) {
  const { prefix, summary } = decodeSnapshot(object)
  const trust = new Trust({ ...grant, revocations: [] })
  return openSigned(summary, {
    place: { repositoryId: grant.repositoryId, prefix, part: 'summary' },
    headerSeal: new Seal(keys.epochs[0]?.headerKey as Bytes),
    trust,
    domain: target.id,
    roles: ['writer', 'upkeep'],
  })
}

async function listsSummaries(keys: DomainKeys, grant: Grant): Promise<boolean> {
  for (const { object } of await objectsOf('snapshots/')) {
    decode(summaryCodec, openSummary(keys, grant, object).payload)
  }
  return true
}

/** The session's shared secret takes a seal seed; every secret of the grant is tried as one. */
async function opensFrames(keys: DomainKeys, { repositoryId }: Grant): Promise<boolean> {
  const [pack] = await objectsOf('packs/')
  const header = headerWith(
    target.epochs[0]?.headerKey as Bytes,
    pack?.object as Bytes,
    repositoryId,
  )
  const session = header.sessions[0] as PackHeader['sessions'][number]
  const frame = header.frames[0] as PackHeader['frames'][number]
  const scope = { repositoryId, domain: target.id }
  const kind = decodePrefix(pack?.object as Bytes).kind as 'data-pack'
  const sealed = (pack?.object as Bytes).subarray(frame.offset, frame.offset + frame.storedBytes)
  return allSecrets(keys).some((seed) =>
    opens(() => {
      const secret = xwingDecapsulate({ seed, encapsulation: session.encapsulation })
      const { frameKey } = sessionKeys(scope, session, secret)
      const aad = frameBinding(scope, session, kind)
      openFrame(sealed, { seal: new Seal(frameKey), aad, rawBytes: frame.rawBytes })
    }),
  )
}

function opens(attempt: () => unknown): boolean {
  try {
    attempt()
    return true
  } catch (error) {
    if (error instanceof CairnError) return false
    throw error
  }
}

async function opensDetails(keys: DomainKeys, { repositoryId }: Grant): Promise<boolean> {
  const [snapshot] = await objectsOf('snapshots/')
  const { prefix, encapsulation, details } = decodeSnapshot(snapshot?.object as Bytes)
  const scope = { repositoryId, domain: target.id }
  const { epoch } = decodePrefix(prefix)
  const aad = binding({ repositoryId, prefix, part: 'details' })
  return allSecrets(keys).some((seed) =>
    opens(() => {
      const secret = xwingDecapsulate({ seed, encapsulation })
      const { detailsKey } = sessionKeys(scope, { epoch, encapsulation }, secret)
      decode(detailsCodec, new Seal(detailsKey).open(aad, details))
    }),
  )
}

/** Seals a frame that the owner's seed opens. The public key is in the config: who has no grant can too. */
function seals(keys: DomainKeys, { repositoryId }: Grant): boolean {
  const { epoch, sealPublicKey } = keys.epochs[0] as DomainKeys['epochs'][number]
  const scope = { repositoryId, domain: target.id }
  const { session, frameKey } = beginSession(scope, { epoch, sealPublicKey })
  const aad = frameBinding(scope, session, 'data-pack')
  const sealed = new Seal(frameKey).seal(aad, utf8('payload'))
  const seed = target.epochs[0]?.sealSeed as Bytes
  const secret = xwingDecapsulate({ seed, encapsulation: session.encapsulation })
  const opened = new Seal(sessionKeys(scope, session, secret).frameKey).open(aad, sealed)
  return equalBytes(opened, utf8('payload'))
}

/** Signs a receipt for the target domain such that its readers accept it. */
function signsAs(role: 'writer' | 'upkeep', keys: DomainKeys, grant: Grant): boolean {
  const { repositoryId } = grant
  const prefix = encodePrefix({ kind: 'receipt', domain: target.id, epoch: 1 })
  const place = { repositoryId, prefix, part: 'body' as const }
  const signatory = {
    signer: new Signer(need(keys.signingSeed)),
    certificate: need(keys.certificate),
  }
  const receipt = { snapshot: new Uint8Array(32), sessionId: new Uint8Array(16), confirmedMs: 1 }
  const headerSeal = new Seal(keys.epochs[0]?.headerKey as Bytes)
  const sealed = sealSigned(encode(receiptCodec, receipt), { place, signatory, headerSeal })
  openSigned(sealed, {
    place,
    headerSeal: new Seal(target.epochs[0]?.headerKey as Bytes),
    trust: new Trust({ ...ownerView.grant, revocations: [] }),
    domain: target.id,
    roles: [role],
  })
  return true
}

/** Whether the id of known content can be computed, which confirms that it is stored. */
function namesContent(keys: DomainKeys): boolean {
  const expected = new KeyedHasher(blobIdKey(need(target.idKey), 'data')).hash(utf8('alpha'))
  return allSecrets(keys).some((secret) =>
    equalBytes(new KeyedHasher(blobIdKey(secret, 'data')).hash(utf8('alpha')), expected),
  )
}

function knowsWhereToCut(keys: DomainKeys): boolean {
  return allSecrets(keys).some((secret) => equalBytes(secret, need(target.chunkerKey)))
}

/** Issues a certificate that others accept: every secret is tried as the owner's. */
function issuesCertificates(keys: DomainKeys, grant: Grant): boolean {
  const secrets = [...allSecrets(keys), ...(grant.ownerSecret ? [grant.ownerSecret] : [])]
  return secrets.some((secret) =>
    [new OwnerKeys(secret).signer, new Signer(secret)].some((owner) =>
      opens(() => {
        const { repositoryId } = grant
        const body = {
          id: new Uint8Array(16),
          role: 'writer' as const,
          domain: target.id,
          epoch: 1,
        }
        const { verifyKey } = new Signer(new Uint8Array(32))
        const full = { ...body, verifyKey, sources: undefined, hosts: undefined, label: 'forged' }
        const certificate = issueCertificate(full, { owner, repositoryId })
        new Trust({ ...ownerView.grant, revocations: [] }).verify(certificate, {
          domain: target.id,
          roles: ['writer'],
        })
      }),
    ),
  )
}

function signsConfigs(keys: DomainKeys, grant: Grant): boolean {
  const secrets = [...allSecrets(keys), ...(grant.ownerSecret ? [grant.ownerSecret] : [])]
  return secrets.some((secret) =>
    [new OwnerKeys(secret).signer, new Signer(secret)].some(({ verifyKey }) =>
      equalBytes(verifyKey, ownerView.config.ownerVerifyKey),
    ),
  )
}

async function opensKeyring(keys: DomainKeys, grant: Grant): Promise<boolean> {
  const names = (await namesOf(store, 'keys/')).filter((name) => name.includes('keyring'))
  const object = await store.get(names[0] as string)
  const secrets = [...allSecrets(keys), ...(grant.ownerSecret ? [grant.ownerSecret] : [])]
  return secrets.some((secret) =>
    opens(() => new OwnerKeys(secret).openKeyring(object, grant.repositoryId)),
  )
}

interface Ability {
  readonly what: string
  readonly by: readonly Holder[]
  readonly attempt: (keys: DomainKeys, grant: Grant) => unknown
}

const ABILITIES: readonly Ability[] = [
  { what: 'read pack headers', by: ['owner', 'writer', 'reader', 'upkeep'], attempt: readsHeaders },
  {
    what: 'list the summaries of snapshots',
    by: ['owner', 'writer', 'reader', 'upkeep'],
    attempt: listsSummaries,
  },
  { what: 'open frames', by: ['owner', 'reader'], attempt: opensFrames },
  { what: 'open the details of snapshots', by: ['owner', 'reader'], attempt: opensDetails },
  { what: 'seal for the domain', by: ['owner', 'writer', 'reader', 'upkeep'], attempt: seals },
  {
    what: 'sign as an accepted writer',
    by: ['owner', 'writer'],
    attempt: (keys, grant) => signsAs('writer', keys, grant),
  },
  {
    what: 'sign as accepted upkeep',
    by: ['upkeep'],
    attempt: (keys, grant) => signsAs('upkeep', keys, grant),
  },
  { what: 'name contents by their ids', by: ['owner', 'writer', 'reader'], attempt: namesContent },
  { what: 'tell where contents are cut', by: ['owner', 'writer'], attempt: knowsWhereToCut },
  { what: 'issue certificates', by: ['owner'], attempt: issuesCertificates },
  { what: 'sign configs', by: ['owner'], attempt: signsConfigs },
  { what: 'open the keyring', by: ['owner'], attempt: opensKeyring },
]

describe.each(ABILITIES)('to $what', ({ by, attempt }) => {
  test.each(HOLDERS)('%s', async (holder) => {
    expect(await can(holder, attempt)).toBe(by.includes(holder))
  })
})

test('no grant holds more than its role', () => {
  const held = (grant: Grant) =>
    Object.fromEntries(
      Object.entries({
        ownerSecret: grant.ownerSecret,
        idKey: grant.domains[0]?.idKey,
        chunkerKey: grant.domains[0]?.chunkerKey,
        headerKey: grant.domains[0]?.epochs[0]?.headerKey,
        sealPublicKey: grant.domains[0]?.epochs[0]?.sealPublicKey,
        sealSeed: grant.domains[0]?.epochs[0]?.sealSeed,
        signingSeed: grant.domains[0]?.signingSeed,
        certificate: grant.domains[0]?.certificate,
      }).map(([name, key]) => [name, key !== undefined]),
    )
  const none = {
    ownerSecret: false,
    idKey: false,
    chunkerKey: false,
    headerKey: false,
    sealPublicKey: false,
    sealSeed: false,
    signingSeed: false,
    certificate: false,
  }
  const shared = { ...none, headerKey: true, sealPublicKey: true }
  const writer = { ...shared, idKey: true, chunkerKey: true, signingSeed: true, certificate: true }
  expect(held(grants.owner)).toEqual({ ...none, ownerSecret: true })
  expect(held(grants.writer)).toEqual(writer)
  expect(held(grants.stranger)).toEqual(writer)
  expect(held(grants.reader)).toEqual({ ...shared, idKey: true, sealSeed: true })
  expect(held(grants.upkeep)).toEqual({ ...shared, signingSeed: true, certificate: true })
})

test('the certificates are of the role and domain that they were given for', () => {
  const certificateOf = (grant: Grant) =>
    decode(certificateCodec, (grant.domains[0]?.certificate as Bytes).subarray(SIGNATURE_BYTES))
  expect(certificateOf(grants.writer)).toMatchObject({ role: 'writer', label: 'writer' })
  expect(certificateOf(grants.upkeep)).toMatchObject({ role: 'upkeep', label: 'upkeep' })
  expect(toHex(certificateOf(grants.stranger).domain)).not.toBe(toHex(target.id))
})
