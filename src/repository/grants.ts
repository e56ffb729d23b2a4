// The grants of a repository, as `cairn key list` shows them. What a grant holds is sealed; the owner's
// keyring remembers what was given to whom.

import { isCairnError } from '../base/errors.ts'
import type { Issued, Role, Wrapping } from '../format/keys.ts'
import { readGrantHead } from '../sealer/grant.ts'
import { grantNameOf } from './create.ts'
import { isGrantName } from './generations.ts'
import { issuedAs } from './grants-again.ts'
import { UNREADABLE, WITHHELD } from './object-problem.ts'
import { readObject } from './read-object.ts'
import type { Repository } from './repository.ts'

export interface GrantInfo {
  /** Object name, `keys/...`. */
  readonly name: string
  /** Whether it is the grant in use. */
  readonly current: boolean
  /** False for a grant that was given out and whose object is gone. */
  readonly present: boolean
  /** How it is wrapped; undefined where it is gone or cannot be read. */
  readonly wrapping: Wrapping['kind'] | undefined
  /** Why it cannot be used by anyone. */
  readonly problem: string | undefined
  /** What is only known of one's own grant, and to the owner of those that were given out. */
  readonly role: Role | undefined
  readonly label: string | undefined
  readonly createdMs: number | undefined
  /** Labels of the domains that it reaches; undefined where that is not known. */
  readonly domains: readonly string[] | undefined
}

/** All grants, by name. One that its holder has wrapped anew is listed once, as it is now. */
export async function listGrants(repository: Repository): Promise<readonly GrantInfo[]> {
  const stored = await storedGrants(repository)
  const found = stored.map(({ name, present, wrapping, problem, issued }) => ({
    present,
    wrapping: wrapping?.kind,
    problem,
    ...whatIsKnown(repository, name, issued),
  }))
  const there = new Set(stored.map(({ issued }) => issued))
  for (const issued of repository.ownership?.keyring.issued ?? []) {
    if (there.has(issued)) continue
    const gone = { present: false, wrapping: undefined, problem: undefined }
    found.push({ ...gone, ...whatIsKnown(repository, issued.name, issued) })
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** A grant as it is stored. */
export interface StoredGrant {
  readonly name: string
  readonly present: boolean
  readonly wrapping: Wrapping | undefined
  readonly problem: string | undefined
  /** What the keyring says of it; undefined without the owner's key, and of one that was not given out. */
  readonly issued: Issued | undefined
}

/** Every grant that the store lists. */
export async function storedGrants(repository: Repository): Promise<readonly StoredGrant[]> {
  const found: StoredGrant[] = []
  for await (const { name } of repository.store.list('keys/')) {
    if (!isGrantName(name)) continue
    const head = await readHead(repository, name)
    const { ownership } = repository
    found.push({ name, ...head, issued: ownership && issuedAs(ownership, { name, ...head }) })
  }
  return found
}

/** What is wrong with one grant does not hide the others. */
async function readHead(
  { store }: Repository,
  name: string,
): Promise<Pick<StoredGrant, 'present' | 'wrapping' | 'problem'>> {
  try {
    const object = await readObject(store, name)
    const { wrapping } = readGrantHead(object)
    if (grantNameOf(object) === name) return { present: true, wrapping, problem: undefined }
    return { present: true, wrapping: undefined, problem: 'its SHA-256 is not its name' }
  } catch (error) {
    if (!isCairnError(error, 'object-missing', ...UNREADABLE, ...WITHHELD)) throw error
    return { present: error.code !== 'object-missing', wrapping: undefined, problem: error.message }
  }
}

function whatIsKnown(
  repository: Repository,
  name: string,
  issued: Issued | undefined,
): Omit<GrantInfo, 'present' | 'wrapping' | 'problem'> {
  const { grant, grantName, domains } = repository
  if (name === grantName) {
    const { role, label, createdMs } = grant
    return {
      name,
      current: true,
      role,
      label,
      createdMs,
      domains: domains.map((domain) => domain.label),
    }
  }
  const labels =
    issued?.role === 'owner' ? domains.map(({ label }) => label) : labelsOf(repository, issued)
  const { role, label, createdMs } = issued ?? {}
  return { name, current: false, role, label, createdMs, domains: labels }
}

function labelsOf(
  { domains }: Repository,
  issued: Issued | undefined,
): readonly string[] | undefined {
  return issued?.domains.map((id) => {
    const hex = Buffer.from(id).toString('hex')
    return domains.find((domain) => domain.hex === hex)?.label ?? hex
  })
}
