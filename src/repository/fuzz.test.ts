// Fuzzing of whatever opens stored bytes. What holds for all of them:
//
// 1. Arbitrary bytes, and valid objects with a change in them, are refused with 'object-damaged',
//    'object-foreign' or 'unsupported', or where an unknown epoch is named with 'not-permitted'.
// 2. So is what someone with the keys has sealed and signed, if it is not what it should be.
// 3. Nothing that is refused takes much memory or time.

import { constants, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import * as values from '../../test/format/values.ts'
import {
  namesOf,
  newSecret,
  type Sample,
  type SecretKey,
  sampleRepository,
} from '../../test/repositories/sample.ts'
import { leaveLease, putUpkeeps } from '../../test/substitution/world.ts'
import { type Bytes, concat } from '../base/bytes.ts'
import { isCairnError } from '../base/errors.ts'
import { sha256 } from '../base/hash.ts'
import { decode, encode } from '../format/codec.ts'
import { CODEC } from '../format/frame.ts'
import { encodeMarkedNames, markWordCodec } from '../format/mark.ts'
import { decodePrefix, encodePrefix, type ObjectKind } from '../format/prefix.ts'
import { leaseCodec } from '../format/records.ts'
import { openFrame } from '../packer/frame.ts'
import { binding } from '../sealer/bind.ts'
import { OwnerKeys, openGrant, sealGrant } from '../sealer/grant.ts'
import { Seal } from '../sealer/seal.ts'
import { type Signatory, sealSigned } from '../sealer/signed.ts'
import { openConfig } from './generations.ts'
import { openSegment } from './index-load.ts'
import { openMark } from './marks.ts'
import { openRecord } from './open-record.ts'
import { expectPackPrefix, openTail } from './pack-headers.ts'
import { type Repository, selectDomain } from './repository.ts'
import { openDetails, openReceipt, openSnapshot } from './snapshots.ts'
import { openUpkeepRecord, type UpkeepKind } from './upkeep-records.ts'
import { upkeepSignatory } from './upkeep-signatory.ts'

const RUNS = Number(process.env['CAIRN_TEST_RUNS'] ?? 100)

let sample: Sample
let repository: Repository

beforeAll(async () => {
  sample = await sampleRepository({ a: 'alpha', b: 'beta' })
  repository = sample.repository
  await putUpkeeps(repository, domain())
  await leaveLease(repository, domain())
})

interface Opener {
  readonly folder: string
  /** Which objects of the folder are meant. */
  readonly kinds: readonly ObjectKind[]
  readonly open: (object: Bytes) => unknown
}

const domain = () => selectDomain(repository)
const objectHash = new Uint8Array(32)

function upkeepOpener(kind: UpkeepKind, folder: string): Opener {
  return {
    folder,
    kinds: [kind],
    open: (object) => openUpkeepRecord(repository, { kind, domain: domain(), object, objectHash }),
  }
}

const OPENERS: Record<string, Opener> = {
  config: {
    folder: 'config/',
    kinds: ['config'],
    open: (object) => openConfig(object, repository.grant),
  },
  keyring: {
    folder: 'keys/',
    kinds: ['keyring'],
    open: (object) => repository.ownership?.keys.openKeyring(object, repository.id),
  },
  snapshot: {
    folder: 'snapshots/',
    kinds: ['snapshot'],
    open: (object) => {
      const { certificate } = openSnapshot(repository, { domain: domain(), object, objectHash })
      return openDetails(repository, { domain: domain(), certificate, object })
    },
  },
  index: {
    folder: 'index/',
    kinds: ['index'],
    open: (object) => openSegment(repository, { domain: domain(), object, objectHash }),
  },
  receipt: {
    folder: 'receipts/',
    kinds: ['receipt'],
    open: (object) => openReceipt(repository, { domain: domain(), object, objectHash }),
  },
  lease: {
    folder: 'leases/',
    kinds: ['lease'],
    open: (object) => {
      const roles = ['writer', 'upkeep'] as const
      const place = {
        domain: domain(),
        object,
        objectHash: undefined,
        kind: 'lease',
        roles,
      } as const
      return decode(leaseCodec, openRecord(repository, place).payload)
    },
  },
  mark: {
    folder: 'marks/',
    kinds: ['mark'],
    open: (object) => openMark(repository, { domain: domain(), object, objectHash }),
  },
  forget: upkeepOpener('forget', 'forgets/'),
  sighting: upkeepOpener('sighting', 'sightings/'),
  hold: upkeepOpener('hold', 'holds/'),
  renewal: upkeepOpener('renewal', 'renewals/'),
  loss: upkeepOpener('loss', 'losses/'),
  pack: {
    folder: 'packs/',
    kinds: ['data-pack', 'tree-pack'],
    open: (object) => {
      const prefix = expectPackPrefix(object)
      const name = `packs/00/${'00'.repeat(32)}`
      return openTail(object, { name, packBytes: object.length, prefix, domain: domain() })
    },
  },
}

async function objectOf({ folder, kinds }: Opener): Promise<Bytes> {
  for (const name of await namesOf(sample.store, folder)) {
    const object = await sample.store.get(name)
    if (kinds.includes(decodePrefix(object).kind)) return object
  }
  throw new Error(`nothing in ${folder}`)
}

/** True where it is opened, false where it is refused in good order. */
function opens(act: () => unknown): boolean {
  try {
    act()
    return true
  } catch (error) {
    if (isCairnError(error, 'object-damaged', 'object-foreign', 'unsupported', 'not-permitted'))
      return false
    throw error
  }
}

/** One change to some bytes. */
function changed(bytes: Bytes): fc.Arbitrary<Bytes> {
  return fc
    .tuple(
      fc.nat(bytes.length - 1),
      fc.integer({ min: 1, max: 255 }),
      fc.constantFrom('flip', 'cut', 'insert', 'append'),
    )
    .map(([at, byte, kind]) => {
      const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)]
      if (kind === 'cut') return head.slice()
      if (kind === 'insert') return concat([head, Uint8Array.of(byte), tail])
      if (kind === 'append') return concat([bytes, Uint8Array.of(byte)])
      return concat([head, Uint8Array.of((tail[0] as number) ^ byte), tail.subarray(1)])
    })
}

describe.each(Object.entries(OPENERS))('%s', (name, opener) => {
  test('opens as it is, and with no change', async () => {
    const object = await objectOf(opener)
    expect(opens(() => opener.open(object))).toBe(true)
    // The frames of a pack are not looked at by who opens its header.
    const region = name === 'pack' ? object.subarray(-100) : object
    const rest = object.subarray(0, object.length - region.length)
    fc.assert(
      fc.property(changed(region), (bytes) => {
        expect(opens(() => opener.open(concat([rest, bytes])))).toBe(false)
      }),
      { numRuns: RUNS },
    )
  })

  test('arbitrary bytes are refused, also behind a right prefix', async () => {
    const prefix = (await objectOf(opener)).subarray(0, 32)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        expect(opens(() => opener.open(bytes))).toBe(false)
        expect(opens(() => opener.open(concat([prefix, bytes])))).toBe(false)
      }),
      { numRuns: RUNS },
    )
  })
})

/** What a malicious holder of the domain's keys could store. */
function signedObject(
  kind: ObjectKind,
  payload: Bytes,
  {
    signatory = domain().signatory,
    between = new Uint8Array(0),
  }: { readonly signatory?: Signatory; readonly between?: Bytes } = {},
): Bytes {
  const prefix = encodePrefix({ kind, domain: domain().id, epoch: 1 })
  const sealed = sealSigned(payload, {
    place: { repositoryId: repository.id, prefix, part: 'body' },
    signatory,
    headerSeal: domain().headerSeal(1),
  })
  return concat([prefix, between, sealed])
}

describe('sealed and signed, but not what it should be', () => {
  const payloads = fc.uint8Array({ maxLength: 500 })

  test('an index segment, a receipt', () => {
    fc.assert(
      fc.property(payloads, (payload) => {
        const at = { domain: domain(), objectHash }
        opens(() => openSegment(repository, { ...at, object: signedObject('index', payload) }))
        opens(() => openReceipt(repository, { ...at, object: signedObject('receipt', payload) }))
      }),
      { numRuns: RUNS },
    )
  })

  test('a mark, whoever signs it and whatever it names', () => {
    const names = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      values.markedNames.map(encodeMarkedNames),
    )
    const words = fc.oneof(
      payloads,
      values.markWord.map((word) => encode(markWordCodec, word)),
    )
    fc.assert(
      fc.property(words, names, fc.boolean(), (payload, between, isUpkeep) => {
        const signatory = isUpkeep ? upkeepSignatory(repository, domain()) : domain().signatory
        const object = signedObject('mark', payload, { signatory, between })
        expect(opens(() => openMark(repository, { domain: domain(), object, objectHash }))).toBe(
          false,
        )
      }),
      { numRuns: RUNS },
    )
  })

  test('a record of upkeep, whoever signs it', () => {
    const kinds = fc.constantFrom(...(['forget', 'sighting', 'hold', 'renewal', 'loss'] as const))
    fc.assert(
      fc.property(kinds, payloads, (kind, payload) => {
        const open = (object: Bytes) =>
          opens(() => openUpkeepRecord(repository, { kind, domain: domain(), object, objectHash }))
        const signatory = upkeepSignatory(repository, domain())
        open(signedObject(kind, payload, { signatory }))
        expect(open(signedObject(kind, payload))).toBe(false)
      }),
      { numRuns: RUNS },
    )
  })

  test('a pack header', () => {
    fc.assert(
      fc.property(payloads, fc.boolean(), (payload, isTree) => {
        const kind = isTree ? ('tree-pack' as const) : ('data-pack' as const)
        const prefix = encodePrefix({ kind, domain: domain().id, epoch: 1 })
        const aad = binding({ repositoryId: repository.id, prefix, part: 'header' })
        const sealed = domain().headerSeal(1).seal(aad, payload)
        const trailer = new Uint8Array(new Uint32Array([sealed.length]).buffer)
        opens(() => OPENERS['pack']?.open(concat([prefix, sealed, trailer])))
      }),
      { numRuns: RUNS },
    )
  })

  test('a frame', () => {
    const seal = new Seal(sha256(Uint8Array.of(1)))
    const aad = Uint8Array.of(1, 2, 3)
    fc.assert(
      fc.property(payloads, fc.nat(1000), (payload, rawBytes) => {
        opens(() => openFrame(seal.seal(aad, payload), { seal, aad, rawBytes }))
        opens(() =>
          openFrame(seal.seal(aad, Uint8Array.of(CODEC.zstd), payload), { seal, aad, rawBytes }),
        )
      }),
      { numRuns: RUNS },
    )
  })

  test('a frame that would grow beyond what was announced', () => {
    const seal = new Seal(sha256(Uint8Array.of(1)))
    const aad = new Uint8Array(0)
    const bomb = zstdCompressSync(new Uint8Array(256 * 1024 * 1024), {
      params: { [constants.ZSTD_c_windowLog]: 27 },
    })
    const sealed = seal.seal(aad, Uint8Array.of(CODEC.zstd), bomb)
    const before = process.memoryUsage().arrayBuffers
    for (const rawBytes of [0, 1, 1000, 16 * 1024 * 1024]) {
      expect(opens(() => openFrame(sealed, { seal, aad, rawBytes }))).toBe(false)
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100 * 1024 * 1024)
  })
})

describe('grants', () => {
  async function openOutcome(
    object: Bytes,
    { credential }: SecretKey,
  ): Promise<'opened' | 'other' | 'refused'> {
    try {
      return (await openGrant(object, credential)) === undefined ? 'other' : 'opened'
    } catch (error) {
      if (isCairnError(error, 'object-damaged', 'object-foreign', 'unsupported')) return 'refused'
      throw error
    }
  }

  test('open with their secret as they are, and with no change', async () => {
    const key = newSecret()
    const object = await sealGrant(repository.grant, key)
    expect(await openOutcome(object, key)).toBe('opened')
    expect(await openOutcome(object, newSecret())).toBe('other')
    const property = fc.asyncProperty(changed(object), async (bytes) => {
      expect(await openOutcome(bytes, key)).not.toBe('opened')
    })
    await fc.assert(property, { numRuns: RUNS })
  })

  test('that ask for absurd amounts of work are refused before it is done', async () => {
    for (const costs of [
      { memoryKib: 0xffffffff, passes: 3, parallelism: 1 },
      { memoryKib: 64 * 1024, passes: 0xffffffff, parallelism: 1 },
      { memoryKib: 8, passes: 1, parallelism: 1 },
      { memoryKib: 64 * 1024, passes: 3, parallelism: 0xffffffff },
    ]) {
      const wrapping = { kind: 'passphrase' as const, salt: new Uint8Array(32), ...costs }
      const credential = { kind: 'passphrase' as const, passphrase: 'x' }
      await expect(sealGrant(repository.grant, { wrapping, credential })).rejects.toMatchObject({
        code: 'unsupported',
      })
    }
  })

  test("what the owner's keys open is only what they sealed", () => {
    const owner = new OwnerKeys(sha256(Uint8Array.of(7)))
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(opens(() => owner.openKeyring(bytes, repository.id))).toBe(false)
      }),
      { numRuns: RUNS },
    )
  })
})
