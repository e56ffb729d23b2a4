// Checks every object that is not a pack: read as a whole, compared with its name, its prefix with the
// folder that it is in, and opened and verified with what the grant in use holds.

import { type Bytes, equalBytes, toHex } from '../../base/bytes.ts'
import { CairnError, isCairnError } from '../../base/errors.ts'
import { INDEX_BYTES_MAX, METADATA_BYTES_MAX } from '../../format/limits.ts'
import { decodeOrigin } from '../../format/origin.ts'
import { decodePrefix, NO_DOMAIN, type ObjectKind } from '../../format/prefix.ts'
import { decodeQuarantinedHead, QUARANTINED_HEAD_BYTES_MAX } from '../../format/quarantined.ts'
import type { DomainAccess } from '../../repository/access.ts'
import { isGrantAsNamed, isGrantName } from '../../repository/generations.ts'
import type { Repository } from '../../repository/repository.ts'
import { matchesName } from '../../store/content.ts'
import { digestInName, FOLDERS } from '../../store/names.ts'
import type { ObjectInfo } from '../../store/store.ts'
import { checkConfig } from './check-config.ts'
import { checkGrantOrKeyring } from './check-keys.ts'
import { type MetadataTask, OpenedObjects, type ReadObject } from './opened-objects.ts'
import { openOwnObject } from './own-objects.ts'
import { Findings } from './problems.ts'

/** Objects on their way at a time. */
const PARALLEL = 16
const FOLDERS_READ = FOLDERS.filter((folder) => folder !== 'packs')

/** Throws only where the store cannot be read at all, and 'interrupted'. */
export async function checkMetadata(task: MetadataTask): Promise<void> {
  for (const folder of FOLDERS_READ) {
    const listed: ObjectInfo[] = []
    for await (const info of task.repository.store.list(`${folder}/`)) listed.push(info)
    if (folder === 'snapshots') for (const { name } of listed) task.opened.listedSnapshots.add(name)
    const next = listed.values()
    const work = async () => {
      for (const info of next) await checkListed(task, info)
    }
    await Promise.all(Array.from({ length: PARALLEL }, work))
  }
}

async function checkListed(task: MetadataTask, info: ObjectInfo): Promise<void> {
  if (task.signal.aborted) throw new CairnError('interrupted', 'Interrupted')
  try {
    const object = await readListed(task.repository, info)
    task.findings.noteRead()
    task.onObject(object.length)
    task.opened.newestMs = Math.max(task.opened.newestMs, info.storedAtMs)
    if (isInQuarantine(info)) checkQuarantined(task.repository, object)
    else checkObject(task, info, object)
  } catch (error) {
    // Removed since it was listed: leases are, and what others prune.
    if (isCairnError(error, 'object-missing')) return
    task.opened.fail(info.name)
    task.findings.addError(info.name, error)
  }
}

/** Of what is in quarantine only what it says that it is: it may be as long as a pack, and nobody needs it. */
async function readListed({ store }: Repository, info: ObjectInfo): Promise<Bytes> {
  const { name, size } = info
  if (isInQuarantine(info)) {
    return store.get(name, { offset: 0, length: Math.min(size, QUARANTINED_HEAD_BYTES_MAX) })
  }
  expectLength(name, size)
  return store.get(name)
}

function expectLength(name: string, size: number): void {
  if (size <= (name.startsWith('index/') ? INDEX_BYTES_MAX : METADATA_BYTES_MAX)) return
  throw new CairnError('object-damaged', `its ${size} bytes are more than any such object has`)
}

function isInQuarantine({ name }: ObjectInfo): boolean {
  return name.startsWith('quarantine/')
}

function checkQuarantined(repository: Repository, head: Bytes): void {
  const { domain } = decodeQuarantinedHead(head)
  if (!equalBytes(domain, NO_DOMAIN)) ownDomain(repository, domain)
}

/** Whether nothing is wrong with an object by itself, as it was read now. */
export function isSound(repository: Repository, name: string, object: Bytes): boolean {
  const findings = new Findings(() => undefined)
  const { signal } = new AbortController()
  const task = {
    repository,
    findings,
    opened: new OpenedObjects(),
    signal,
    onObject: () => undefined,
  }
  try {
    expectLength(name, object.length)
    if (name.startsWith('quarantine/')) checkQuarantined(repository, object)
    else checkObject(task, { name, size: object.length, storedAtMs: 0 }, object)
    return findings.count === 0
  } catch (error) {
    if (isCairnError(error)) return false
    throw error
  }
}

function checkObject(task: MetadataTask, { name, storedAtMs }: ObjectInfo, object: Bytes): void {
  if (!isAsNamed(name, object)) {
    throw new CairnError(
      'object-damaged',
      `the SHA-256 of its ${object.length} bytes is not its name`,
    )
  }
  const { kind, domain: domainId } = decodePrefix(object)
  if (!belongsInto(name, kind)) {
    throw new CairnError('object-foreign', `an object of kind ${kind} is in the wrong folder`)
  }
  const read: ReadObject = { name, object, kind, storedAtMs }
  if (kind === 'origin') return void decodeOrigin(object)
  if (kind === 'config') return checkConfig(task, read)
  if (kind === 'grant' || kind === 'keyring') return checkGrantOrKeyring(task, read)
  const domain = ownDomain(task.repository, domainId)
  if (domain !== undefined) openOwnObject(task, { ...read, domain })
  else if (kind === 'snapshot') task.opened.closed++
}

/** What the SHA-256 of its bytes names must have it. Grants are named by it too. */
function isAsNamed(name: string, object: Bytes): boolean {
  if (digestInName(name) !== undefined) return matchesName(name, object)
  return !isGrantName(name) || isGrantAsNamed(name, object)
}

const KINDS: Readonly<Record<string, readonly ObjectKind[]>> = {
  config: ['config'],
  keys: ['grant', 'keyring'],
  index: ['index'],
  snapshots: ['snapshot'],
  receipts: ['receipt'],
  leases: ['lease'],
  marks: ['mark'],
  forgets: ['forget'],
  sightings: ['sighting'],
  renewals: ['renewal'],
  holds: ['hold'],
  losses: ['loss'],
  origins: ['origin'],
  quarantine: ['quarantined'],
}

function belongsInto(name: string, kind: ObjectKind): boolean {
  return KINDS[name.slice(0, name.indexOf('/'))]?.includes(kind) ?? false
}

/** Undefined for a domain of others. Throws where the owner never made such a domain. */
function ownDomain({ domains, config }: Repository, id: Bytes): DomainAccess | undefined {
  const own = domains.find((domain) => equalBytes(domain.id, id))
  if (own !== undefined) return own
  if (equalBytes(id, NO_DOMAIN) || !config.domains.some((domain) => equalBytes(domain.id, id))) {
    throw new CairnError('object-foreign', `its domain ${toHex(id)} is none of this repository`)
  }
  return undefined
}
