import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { forgeMark } from '../../../test/repositories/marks.ts'
import {
  copySample,
  namesOf,
  type Sample,
  sampleRepository,
} from '../../../test/repositories/sample.ts'
import { putUpkeeps } from '../../../test/substitution/world.ts'
import { type Bytes, concat } from '../../base/bytes.ts'
import { decode, encode } from '../../format/codec.ts'
import { METADATA_BYTES_MAX } from '../../format/limits.ts'
import { encodeOpenNames } from '../../format/open-names.ts'
import { encodePrefix, NO_DOMAIN, type ObjectKind } from '../../format/prefix.ts'
import { encodeQuarantined } from '../../format/quarantined.ts'
import { forgetCodec } from '../../format/upkeep-records.ts'
import { openRecord } from '../../repository/open-record.ts'
import { selectDomain } from '../../repository/repository.ts'
import { upkeepSignatory } from '../../repository/upkeep-signatory.ts'
import { type Signatory, sealSigned } from '../../sealer/signed.ts'
import { putContent } from '../../store/content.ts'
import type { ContentFolder } from '../../store/names.ts'
import { check } from '../check.ts'
import type { ProblemKind } from './problems.ts'

let original: Sample
let sample: Sample

beforeAll(async () => {
  original = await sampleRepository({ a: 'alpha' })
})

beforeEach(async () => {
  sample = await copySample(original)
})

const domain = () => selectDomain(sample.repository)

/** What is wrong, by the names of objects. */
async function problems(): Promise<readonly (readonly [string, ProblemKind])[]> {
  const quiet = { onProgress: () => undefined, onProblem: () => undefined, workers: 1 }
  const { signal } = new AbortController()
  const { repository } = sample
  const result = await check({ repository, mode: 'structure', signal, ...quiet })
  return result.problems.map(({ object, kind }) => [object, kind])
}

function put(folder: ContentFolder, object: Bytes): Promise<string> {
  return putContent(sample.store, { folder, parts: [object] })
}

const RECORDS = [
  ['forgets', 'forget'],
  ['sightings', 'sighting'],
  ['holds', 'hold'],
  ['renewals', 'renewal'],
  ['losses', 'loss'],
] as const

/** The payload of the one record that there is in a folder. */
async function payloadOf(folder: ContentFolder, kind: ObjectKind): Promise<Bytes> {
  const [name] = await namesOf(sample.store, `${folder}/`)
  const object = await sample.store.get(name as string)
  const place = {
    domain: domain(),
    object,
    kind,
    roles: ['upkeep'],
    objectHash: undefined,
  } as const
  return openRecord(sample.repository, place).payload
}

function sealed(kind: ObjectKind, payload: Bytes, signatory: Signatory): Bytes {
  const prefix = encodePrefix({ kind, domain: domain().id, epoch: 1 })
  const place = { repositoryId: sample.repository.id, prefix, part: 'body' } as const
  const open = kind === 'forget' ? [encodeOpenNames([])] : []
  const envelope = sealSigned(payload, { place, signatory, headerSeal: domain().headerSeal(1) })
  return concat([prefix, ...open, envelope])
}

describe('what upkeep puts', () => {
  beforeEach(() => putUpkeeps(sample.repository, domain()))

  test('is right as it is', async () => {
    expect(await problems()).toEqual([])
  })

  test.each(RECORDS)('%s: one that a writer signed is foreign', async (folder, kind) => {
    const payload = await payloadOf(folder, kind)
    const name = await put(folder, sealed(kind, payload, domain().signatory))
    expect(await problems()).toEqual([[name, 'foreign']])
  })

  test.each(RECORDS)('%s: one that says what cannot be is damaged', async (folder, kind) => {
    const payload = (await payloadOf(folder, kind)).subarray(0, -1)
    const signatory = upkeepSignatory(sample.repository, domain())
    const name = await put(folder, sealed(kind, payload, signatory))
    expect(await problems()).toEqual([[name, 'damaged']])
  })

  test('a field that is not known yet is of a later version', async () => {
    const payload = await payloadOf('forgets', 'forget')
    const again = encode(forgetCodec, decode(forgetCodec, payload)).slice()
    // A map of three: another uint under the key 3.
    const later = concat([Uint8Array.of(0xa3), again.subarray(1), Uint8Array.of(3, 0)])
    const signatory = upkeepSignatory(sample.repository, domain())
    const name = await put('forgets', sealed('forget', later, signatory))
    expect(await problems()).toEqual([[name, 'unsupported']])
  })
})

describe('marks', () => {
  const signed = { packs: [new Uint8Array(32)], snapshots: [] }

  test('one whose names are not those that were signed is damaged', async () => {
    const signatory = upkeepSignatory(sample.repository, domain())
    const open = { packs: [], snapshots: [new Uint8Array(32)] }
    const object = forgeMark(sample.repository, { domain: domain(), signatory, signed, open })
    expect(await problems()).toEqual([])
    const name = await put('marks', object)
    expect(await problems()).toEqual([[name, 'damaged']])
  })

  test('one that a writer signed is foreign', async () => {
    const { signatory } = domain()
    const object = forgeMark(sample.repository, { domain: domain(), signatory, signed })
    expect(await problems()).toEqual([])
    const name = await put('marks', object)
    expect(await problems()).toEqual([[name, 'foreign']])
  })
})

describe('quarantine', () => {
  const quarantined = (of = domain().id, bytes = Uint8Array.of(1, 2, 3)) =>
    concat(encodeQuarantined({ domain: of, name: `marks/${'0'.repeat(64)}`, bytes }))

  test('holds what was put into it, whatever that is', async () => {
    await put('quarantine', quarantined())
    await put('quarantine', quarantined(NO_DOMAIN))
    // As long as a pack.
    await put('quarantine', quarantined(domain().id, new Uint8Array(METADATA_BYTES_MAX + 1)))
    expect(await problems()).toEqual([])
  })

  test('what does not say what it was is damaged', async () => {
    const name = await put('quarantine', quarantined().subarray(0, 40))
    expect(await problems()).toEqual([[name, 'damaged']])
  })

  test('is the only folder for that, and for that only', async () => {
    const wrong = await put('holds', quarantined())
    const hold = concat([
      encodePrefix({ kind: 'hold', domain: domain().id, epoch: 1 }),
      Uint8Array.of(1),
    ])
    const other = await put('quarantine', hold)
    const foreign = await put('quarantine', quarantined(new Uint8Array(16).fill(9)))
    expect(new Map(await problems())).toEqual(
      new Map([
        [wrong, 'foreign'],
        [other, 'foreign'],
        [foreign, 'foreign'],
      ]),
    )
  })
})
