// What upkeep and the owner put besides snapshots, as text: marks, and the records of upkeep.

import { type Bytes, toHex } from '../../src/base/bytes.ts'
import { sha256 } from '../../src/base/hash.ts'
import { decodeOrigin } from '../../src/format/origin.ts'
import { decodeQuarantined } from '../../src/format/quarantined.ts'
import { openMark } from '../../src/repository/marks.ts'
import type { Repository } from '../../src/repository/repository.ts'
import { type FoundRecord, loadUpkeepRecords } from '../../src/repository/upkeep-records.ts'
import { digestInName } from '../../src/store/names.ts'
import { namesOf } from '../repositories/sample.ts'

/** Empty where there is nothing of it. */
export async function describeUpkeep(repository: Repository): Promise<string> {
  const lines = [
    ...(await describeMarks(repository)),
    ...(await describeForgets(repository)),
    ...(await describeSightings(repository)),
    ...(await describeHolds(repository)),
    ...(await describeRenewals(repository)),
    ...(await describeLosses(repository)),
    ...(await describeOrigins(repository)),
    ...(await describeQuarantined(repository)),
  ]
  return lines.map((line) => `${line}\n`).join('')
}

async function describeMarks(repository: Repository): Promise<readonly string[]> {
  const lines: string[] = []
  for await (const { name } of repository.store.list('marks/')) {
    const object = await repository.store.get(name)
    for (const domain of repository.domains) {
      if (toHex(object.subarray(12, 28)) !== domain.hex) continue
      const objectHash = digestInName(name)
      const { packs, snapshots, markedMs } = openMark(repository, { domain, object, objectHash })
      lines.push(
        `mark ${shortHex(objectHash as Bytes)} in domain ${domain.label}, ${timeOf(markedMs)}`,
        ...packs.map((pack) => `- pack ${shortHex(pack)}`),
        ...snapshots.map((snapshot) => `- snapshot ${shortHex(snapshot)}`),
      )
    }
  }
  return lines
}

async function describeForgets(repository: Repository): Promise<readonly string[]> {
  const { records } = await loadUpkeepRecords(repository, { kind: 'forget' })
  return inOrder(records).flatMap((found) => [
    `forget record ${headOf(found)}, ${timeOf(found.record.forgottenMs)}${found.record.isOfCopy ? ', of a copy' : ''}`,
    ...found.record.snapshots.map((one) => {
      const { snapshot, sourceId, sequence, isConfirmed, predecessor, object } = one
      const kept = object === undefined ? 'not kept' : `kept as ${shortHex(sha256(object))}`
      return (
        `- snapshot ${shortHex(snapshot)}, number ${sequence} of source ${toHex(sourceId)}, ` +
        `${isConfirmed ? 'confirmed' : 'unconfirmed'}, ` +
        `${predecessor ? `follows ${shortHex(predecessor)}, ` : ''}${kept}`
      )
    }),
  ])
}

async function describeSightings(repository: Repository): Promise<readonly string[]> {
  const { records } = await loadUpkeepRecords(repository, { kind: 'sighting' })
  return inOrder(records).flatMap((found) => [
    `sighting ${headOf(found)}`,
    ...found.record.snapshots.map(({ snapshot, receivedMs }) => {
      return `- snapshot ${shortHex(snapshot)} at ${timeOf(receivedMs)}`
    }),
    ...found.record.moved.map(({ pack, receivedMs }) => {
      return `- pack ${shortHex(pack)}, frames of ${receivedMs.map(timeOf).join(' ')}`
    }),
  ])
}

async function describeHolds(repository: Repository): Promise<readonly string[]> {
  const { records } = await loadUpkeepRecords(repository, { kind: 'hold' })
  return inOrder(records).flatMap((found) => [
    `hold ${headOf(found)}, ${timeOf(found.record.heldMs)}: "${found.record.reason}"`,
    ...found.record.snapshots.map((snapshot) => `- snapshot ${shortHex(snapshot)}`),
    ...found.record.releases.map((hold) => `- releases ${shortHex(hold)}`),
  ])
}

async function describeRenewals(repository: Repository): Promise<readonly string[]> {
  const { records } = await loadUpkeepRecords(repository, { kind: 'renewal' })
  return inOrder(records).flatMap((found) => [
    `renewal ${headOf(found)}, ${timeOf(found.record.renewedMs)}`,
    ...found.record.packs.map((pack) => `- pack ${shortHex(pack)}`),
  ])
}

async function describeLosses(repository: Repository): Promise<readonly string[]> {
  const { records } = await loadUpkeepRecords(repository, { kind: 'loss' })
  return inOrder(records).flatMap((found) => [
    `loss ${headOf(found)}, ${timeOf(found.record.foundMs)}`,
    ...found.record.ids.map((id) => `- blob ${shortHex(id)}`),
  ])
}

async function describeOrigins({ store }: Repository): Promise<readonly string[]> {
  const lines: string[] = []
  for (const name of await namesOf(store, 'origins/')) {
    const object = await store.get(name)
    if (!isOfKind(object, '11')) continue
    const { packs, syncedMs, isOfCopy } = decodeOrigin(object)
    const copy = isOfCopy ? ', of a copy' : ''
    lines.push(`origin record ${shortHex(digestInName(name) as Bytes)}, ${timeOf(syncedMs)}${copy}`)
    for (const begin of packs) lines.push(`- packs that begin with ${begin.toString(16)}`)
  }
  return lines
}

async function describeQuarantined({ store }: Repository): Promise<readonly string[]> {
  const lines: string[] = []
  for (const name of await namesOf(store, 'quarantine/')) {
    const object = await store.get(name)
    if (!isOfKind(object, '10')) continue
    const { domain, name: was, bytes } = decodeQuarantined(object)
    const hash = shortHex(digestInName(name) as Bytes)
    lines.push(`quarantined ${hash}: ${was}, ${bytes.length} bytes, of domain ${shortHex(domain)}`)
  }
  return lines
}

/** Junk may lie there as everywhere. */
function isOfKind(object: Bytes, kind: string): boolean {
  return toHex(object.subarray(0, 7)) === `636169726e0a${kind}`
}

/** Stamps of files are those of the checkout. */
function inOrder<T>(records: readonly FoundRecord<T>[]): readonly FoundRecord<T>[] {
  return [...records].sort((a, b) => (a.name < b.name ? -1 : 1))
}

function headOf({ hash, domain }: FoundRecord<unknown>): string {
  return `${shortHex(hash)} in domain ${domain.label}`
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString()
}

function shortHex(bytes: Bytes): string {
  return toHex(bytes).slice(0, 16)
}
