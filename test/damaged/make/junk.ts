// What does not belong there: in every folder, junk, objects of later versions, of nothing, and of another
// repository.

import { mkdirSync, symlinkSync } from 'node:fs'
import { type Bytes, concat, toHex, utf8 } from '../../../src/base/bytes.ts'
import { sha256 } from '../../../src/base/hash.ts'
import { encodePrefix, KIND, type ObjectKind } from '../../../src/format/prefix.ts'
import { selectDomain } from '../../../src/repository/repository.ts'
import { CONTENT_FOLDERS, FOLDERS } from '../../../src/store/names.ts'
import { namesOf, noise, sampleRepository } from '../../repositories/sample.ts'
import type { Damage } from './damage.ts'

const HASHED = CONTENT_FOLDERS.filter((folder) => folder !== 'quarantine')

/** Under names that objects have, and under some that none has. */
export function junkInEveryFolder(damage: Damage): void {
  for (const folder of FOLDERS) {
    damage.put(`${folder}/README.txt`, utf8('read me'))
    damage.put(`${folder}/.hidden`, utf8('hidden'))
    mkdirSync(damage.path(`${folder}/a folder`), { recursive: true })
    symlinkSync('/etc/passwd', damage.path(`${folder}/link`))
  }
  for (const folder of HASHED) damage.putContent(folder, noise(100, 9))
  putGrant(damage, noise(100, 9))
  damage.put(`leases/${'0'.repeat(32)}/1`, noise(100, 9))
}

function putGrant(damage: Damage, bytes: Bytes): void {
  damage.put(`keys/${toHex(sha256(bytes))}`, bytes)
}

/** Under the name of nothing, and where something should be. */
export function emptyObjects(damage: Damage): void {
  for (const folder of HASHED) damage.putContent(folder, new Uint8Array(0))
  putGrant(damage, new Uint8Array(0))
  damage.cutTo('sighting 1', 0)
  damage.cutTo('renewal 1', 0)
}

const KIND_OF: Readonly<Record<(typeof HASHED)[number], ObjectKind>> = {
  packs: 'data-pack',
  index: 'index',
  snapshots: 'snapshot',
  receipts: 'receipt',
  sightings: 'sighting',
  marks: 'mark',
  forgets: 'forget',
  renewals: 'renewal',
  holds: 'hold',
  losses: 'loss',
  origins: 'origin',
}

/** An object of format version 2 in each folder but marks/, where it stops everything. */
export async function unknownVersions(damage: Damage): Promise<void> {
  const { id } = selectDomain(await damage.open())
  for (const folder of HASHED) {
    if (folder !== 'marks') damage.putContent(folder, ofVersion2(KIND_OF[folder], id))
  }
  putGrant(damage, ofVersion2('grant', id))
  damage.put(`leases/${'0'.repeat(32)}/1`, ofVersion2('lease', id))
}

/** Whoever meets one goes no further. */
export async function unknownVersionOfConfig(damage: Damage): Promise<void> {
  const { id } = selectDomain(await damage.open())
  damage.put('config/00000007', ofVersion2('config', id))
}

export async function unknownVersionOfKeyring(damage: Damage): Promise<void> {
  const { id } = selectDomain(await damage.open())
  damage.put('keys/keyring-00000007', ofVersion2('keyring', id))
}

export async function unknownVersionInMarks(damage: Damage): Promise<void> {
  damage.putContent('marks', ofVersion2('mark', selectDomain(await damage.open()).id))
}

function ofVersion2(kind: ObjectKind, domain: Bytes): Bytes {
  const prefix = encodePrefix({ kind, domain, epoch: 1 }).slice()
  prefix[6] = KIND[kind]
  prefix[7] = 2
  return concat([prefix, noise(100, KIND[kind])])
}

/** Its packs, index and snapshots lie among ours. */
export async function objectsOfAnotherRepository(damage: Damage): Promise<void> {
  const { store } = await sampleRepository({ 'other.txt': utf8('other') })
  for (const name of await namesOf(store, ''))
    if (!/^(config|keys)\//.test(name)) damage.put(name, await store.get(name))
}
