// Lengths and counts beyond all bounds, sealed and signed with the right keys.

import { type Bytes, concat } from '../../../src/base/bytes.ts'
import type { ObjectKind } from '../../../src/format/prefix.ts'
import { encodePrefix, PREFIX_BYTES } from '../../../src/format/prefix.ts'
import { type Repository, selectDomain } from '../../../src/repository/repository.ts'
import { upkeepSignatory } from '../../../src/repository/upkeep-signatory.ts'
import { binding } from '../../../src/sealer/bind.ts'
import { sealSigned } from '../../../src/sealer/signed.ts'
import type { Damage } from './damage.ts'

const HUGE = new Uint8Array(20).fill(0xff)

export function hugeLengthInTrailer(damage: Damage): void {
  const bytes = damage.read('data-pack 1')
  bytes.fill(0xff, bytes.length - 4)
  damage.write('data-pack 1', bytes)
}

export async function hugeLengthInHeader(damage: Damage): Promise<void> {
  const repository = await damage.open()
  const domain = selectDomain(repository)
  const prefix = encodePrefix({ kind: 'data-pack', domain: domain.id, epoch: 1 })
  const aad = binding({ repositoryId: repository.id, prefix, part: 'header' })
  const header = domain.headerSeal(1).seal(aad, HUGE)
  const trailer = new Uint8Array(Uint32Array.of(header.length).buffer)
  damage.putContent('packs', concat([prefix, header, trailer]))
}

export async function hugeLengthInIndex(damage: Damage): Promise<void> {
  damage.putContent('index', signed(await damage.open(), 'index', HUGE))
}

/** A map that says that it has 2^64 - 1 fields. */
export async function hugeLengthInRecord(damage: Damage): Promise<void> {
  const repository = await damage.open()
  const map = Uint8Array.of(0xbb, ...HUGE.subarray(0, 8))
  damage.putContent('holds', signed(repository, 'hold', map))
}

export async function hugeLengthInMark(damage: Damage): Promise<void> {
  const repository = await damage.open()
  const object = signed(repository, 'mark', HUGE)
  damage.putContent(
    'marks',
    concat([object.subarray(0, PREFIX_BYTES), HUGE, object.subarray(PREFIX_BYTES)]),
  )
}

function signed(repository: Repository, kind: ObjectKind, payload: Bytes): Bytes {
  const domain = selectDomain(repository)
  const prefix = encodePrefix({ kind, domain: domain.id, epoch: 1 })
  const place = { repositoryId: repository.id, prefix, part: 'body' } as const
  const signatory = upkeepSignatory(repository, domain)
  const headerSeal = domain.headerSeal(1)
  return concat([prefix, sealSigned(payload, { place, signatory, headerSeal })])
}
