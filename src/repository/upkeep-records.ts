// The records that only upkeep puts: sealing and putting one, and reading all of a kind. Who signs must be
// upkeep or the owner; what anybody else put under these names is reported and says nothing.

import { type Bytes, concat, equalBytes } from '../base/bytes.ts'
import { CairnError } from '../base/errors.ts'
import { type Codec, decode } from '../format/codec.ts'
import { decodeOpenNames, encodeOpenNames } from '../format/open-names.ts'
import type { ObjectKind } from '../format/prefix.ts'
import {
  type ForgetRecord,
  forgetCodec,
  type Hold,
  holdCodec,
  type Loss,
  lossCodec,
  type Renewal,
  renewalCodec,
  type Sighting,
  sightingCodec,
} from '../format/upkeep-records.ts'
import { putContent } from '../store/content.ts'
import type { DomainAccess } from './access.ts'
import { eachObject } from './each-object.ts'
import { type ObjectProblem, ObjectProblems } from './object-problem.ts'
import { assertReadable, openRecord, sealRecord } from './open-record.ts'
import type { Repository } from './repository.ts'
import { upkeepSignatory } from './upkeep-signatory.ts'

/** What each kind says. */
export interface UpkeepRecords {
  readonly forget: ForgetRecord
  readonly sighting: Sighting
  readonly hold: Hold
  readonly renewal: Renewal
  readonly loss: Loss
}

export type UpkeepKind = keyof UpkeepRecords

const KINDS = {
  forget: { folder: 'forgets', codec: forgetCodec },
  sighting: { folder: 'sightings', codec: sightingCodec },
  hold: { folder: 'holds', codec: holdCodec },
  renewal: { folder: 'renewals', codec: renewalCodec },
  loss: { folder: 'losses', codec: lossCodec },
} as const satisfies {
  readonly [K in UpkeepKind]: { folder: string; codec: Codec<UpkeepRecords[K]> }
}

export function isUpkeepKind(kind: ObjectKind): kind is UpkeepKind {
  return Object.hasOwn(KINDS, kind)
}

/** A record as it was found. */
export interface FoundRecord<T> {
  /** Object name. */
  readonly name: string
  readonly hash: Bytes
  readonly domain: DomainAccess
  readonly record: T
  /** When this store received it. */
  readonly storedAtMs: number
  readonly bytes: number
}

/** Signs, seals and puts a record of upkeep. Returns its name. Throws 'not-permitted' without the right. */
export async function putUpkeepRecord<K extends UpkeepKind>(
  repository: Repository,
  {
    kind,
    domain,
    record,
  }: { readonly kind: K; readonly domain: DomainAccess; readonly record: UpkeepRecords[K] },
): Promise<string> {
  const { folder, codec } = KINDS[kind]
  const [prefix, sealed] = sealRecord(repository, {
    domain,
    kind,
    signatory: upkeepSignatory(repository, domain),
    codec: codec as unknown as Codec<UpkeepRecords[K]>,
    record,
  }) as [Bytes, Bytes]
  const open = 'forgottenMs' in record ? [encodeOpenNames(openNamesOf(record))] : []
  const parts = [prefix, ...open, sealed]
  assertReadable(parts.reduce((sum, { length }) => sum + length, 0))
  return putContent(repository.store, { folder, parts })
}

/** What a copy has forgotten by itself is removed nowhere else. */
function openNamesOf({ snapshots, isOfCopy }: ForgetRecord): readonly Bytes[] {
  return isOfCopy === true ? [] : snapshots.map(({ snapshot }) => snapshot)
}

export interface FoundRecords<T> {
  readonly records: readonly FoundRecord<T>[]
  readonly problems: readonly ObjectProblem[]
}

/**
 * All records of a kind in the domains that the key holds. Throws what the store throws; with `onlyReading`
 * what it does not give out is among the problems.
 */
export async function loadUpkeepRecords<K extends UpkeepKind>(
  repository: Repository,
  { kind, onlyReading = false }: { readonly kind: K; readonly onlyReading?: boolean },
): Promise<FoundRecords<UpkeepRecords[K]>> {
  const problems = new ObjectProblems()
  const records: FoundRecord<UpkeepRecords[K]>[] = []
  await eachObject({ repository, onlyReading, problems }, `${KINDS[kind].folder}/`, {
    own: ({ name, object, objectHash, domain, storedAtMs }) => {
      const record = openUpkeepRecord(repository, { kind, domain, object, objectHash })
      records.push({ name, hash: objectHash, domain, record, storedAtMs, bytes: object.length })
    },
  })
  problems.expectAnyRead()
  records.sort((a, b) => a.storedAtMs - b.storedAtMs || (a.name < b.name ? -1 : 1))
  return { records, problems: problems.found }
}

/** Opens and verifies one. Throws as openRecord does. */
export function openUpkeepRecord<K extends UpkeepKind>(
  repository: Repository,
  {
    kind,
    ...own
  }: {
    readonly kind: K
    readonly domain: DomainAccess
    readonly object: Bytes
    readonly objectHash: Bytes | undefined
  },
): UpkeepRecords[K] {
  const { payload } = openRecord(repository, { ...own, kind, roles: ['upkeep'] })
  const record = decode(KINDS[kind].codec as unknown as Codec<UpkeepRecords[K]>, payload)
  if ('forgottenMs' in record) expectNames(own.object, openNamesOf(record))
  return record
}

function expectNames(object: Bytes, signed: readonly Bytes[]): void {
  const { names } = decodeOpenNames(object)
  if (equalBytes(concat(names), concat(signed))) return
  throw new CairnError(
    'object-damaged',
    'Cannot accept a forget record: it names other snapshots than were signed',
  )
}
