// What this machine remembers of a repository address: which repository was there, how far its config
// had come, which key opened it. A store that answers with another repository, or with an older
// config, is not believed (LESSONS 9): the user decides, with `cairn key trust`.
//
// Losing this state loses that memory and nothing else. It is written as a whole and renamed.

import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { toHex, utf8 } from '../base/bytes.ts'
import { CairnError, messageOf } from '../base/errors.ts'
import { sha256 } from '../base/hash.ts'
import type { Repository } from '../repository/repository.ts'
import type { Context } from './context.ts'

const FOLDER = 'repositories'

export interface RepositoryState {
  readonly address: string
  readonly repositoryId: string
  readonly ownerVerifyKey: string
  readonly configGeneration: number
  /** The key that opened it last: tried first next time. */
  readonly grantName: string
  /** The generated passphrase has been written down. */
  readonly passphraseConfirmed: boolean
  /** How far partial checks have come, between 0 and 1: the next one goes on there. */
  readonly checkedTo: number
  /** The latest that the store's clock was known to be. Not there in what older versions remember. */
  readonly storeTimeMs?: number
  /** By domain and source, in hexadecimal: the id of the newest snapshot that was known to count. */
  readonly newest?: Readonly<Record<string, string>>
  /** Snapshots that were known to count, are gone, and that nobody forgot: until somebody gives them up. */
  readonly missed?: readonly KnownId[]
  /** Holds that were known to count, for each snapshot that they hold. */
  readonly held?: readonly KnownHold[]
}

export interface KnownId {
  readonly id: string
  /** In hexadecimal. */
  readonly domain: string
}

export interface KnownHold extends KnownId {
  /** Object name of the hold; the id is the snapshot's. */
  readonly name: string
}

/** What is remembered of an address; nothing where that is not known or cannot be read. */
export function loadState(context: Context, address: string): RepositoryState | undefined {
  const state = readState(pathOf(context, address))
  return state?.address === address ? state : undefined
}

/** All that is remembered. */
export function loadStates({ places }: Context): readonly RepositoryState[] {
  const folder = join(places.state, FOLDER)
  return listFolder(folder)
    .map((name) => readState(join(folder, name)))
    .filter((state) => state !== undefined)
}

function listFolder(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function readState(path: string): RepositoryState | undefined {
  try {
    const state: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return isState(state) ? state : undefined
  } catch {
    return undefined
  }
}

function isState(value: unknown): value is RepositoryState {
  if (typeof value !== 'object' || value === null) return false
  const state = value as Partial<Record<keyof RepositoryState, unknown>>
  return (
    typeof state.address === 'string' &&
    typeof state.repositoryId === 'string' &&
    typeof state.ownerVerifyKey === 'string' &&
    typeof state.configGeneration === 'number' &&
    typeof state.grantName === 'string' &&
    typeof state.passphraseConfirmed === 'boolean' &&
    typeof state.checkedTo === 'number' &&
    ['number', 'undefined'].includes(typeof state.storeTimeMs) &&
    isNewest(state.newest) &&
    (state.missed === undefined ||
      (Array.isArray(state.missed) && state.missed.every(isKnownId))) &&
    (state.held === undefined || (Array.isArray(state.held) && state.held.every(isKnownHold)))
  )
}

function isKnownHold(value: unknown): boolean {
  const { name } = (value ?? {}) as Partial<Record<keyof KnownHold, unknown>>
  return isKnownId(value) && typeof name === 'string' && /^holds\/[0-9a-f]{64}$/.test(name)
}

function isKnownId(value: unknown): boolean {
  const { id, domain } = (value ?? {}) as Partial<Record<keyof KnownId, unknown>>
  return typeof id === 'string' && /^[0-9a-f]{64}$/.test(id) && typeof domain === 'string'
}

function isNewest(value: unknown): boolean {
  if (value === undefined) return true
  if (typeof value !== 'object' || value === null) return false
  return Object.values(value).every((id) => typeof id === 'string' && /^[0-9a-f]{64}$/.test(id))
}

/** Where it cannot be written that is told, for the next run knows less then. */
export function saveState(context: Context, state: RepositoryState): void {
  const path = pathOf(context, state.address)
  const temporary = `${path}.${toHex(context.random(8))}.new`
  if (isDeepStrictEqual(loadState(context, state.address), state)) return
  try {
    mkdirSync(join(context.places.state, FOLDER), { recursive: true, mode: 0o700 })
    writeFileSync(temporary, `${JSON.stringify(state, undefined, 2)}\n`, { mode: 0o600 })
    renameSync(temporary, path)
  } catch (error) {
    const text = `Cannot remember in ${path} which repository this is: ${messageOf(error)}. `
    context.output.warning('state', `${text}${NOT_NOTICED}`)
  }
}

const NOT_NOTICED =
  'If another is put in its place, or an older state of it, the next run will not notice.'

function pathOf({ places }: Context, address: string): string {
  return join(places.state, FOLDER, `${toHex(sha256(utf8(address))).slice(0, 32)}.json`)
}

/** What there is to remember of an opened repository, given what was known before. */
export function stateOf(
  repository: Repository,
  known: RepositoryState | undefined,
): RepositoryState {
  const { store, idHex, config, grantName } = repository
  const isSame = known?.repositoryId === idHex
  return {
    address: store.address,
    repositoryId: idHex,
    ownerVerifyKey: toHex(config.ownerVerifyKey),
    configGeneration: config.generation,
    grantName,
    passphraseConfirmed: isSame && known.passphraseConfirmed,
    checkedTo: isSame ? known.checkedTo : 0,
    ...(isSame && known.storeTimeMs !== undefined && { storeTimeMs: known.storeTimeMs }),
    ...(isSame && known.newest !== undefined && { newest: known.newest }),
    ...(isSame && known.missed !== undefined && { missed: known.missed }),
    ...(isSame && known.held !== undefined && { held: known.held }),
  }
}

/** What time it was by the store's clock. One that went back is believed where the user says so. */
export function rememberStoreTime(
  context: Context,
  {
    address,
    storeMs,
    wentBack = false,
  }: { readonly address: string; readonly storeMs: number; readonly wentBack?: boolean },
): void {
  const state = loadState(context, address)
  if (state === undefined) return
  const before = wentBack ? 0 : (state.storeTimeMs ?? 0)
  saveState(context, { ...state, storeTimeMs: Math.max(before, storeMs) })
}

/** A partial check has come to its end: the next one goes on behind it. */
export function rememberChecked(context: Context, address: string, checkedTo: number): void {
  const state = loadState(context, address)
  if (state !== undefined) saveState(context, { ...state, checkedTo })
}

/** Throws 'object-foreign' where the repository is not the one that was at this address before. */
export function checkState(found: RepositoryState, known: RepositoryState | undefined): void {
  if (known === undefined) return
  const why = whatChanged(found, known)
  if (why === undefined) return
  throw new CairnError(
    'object-foreign',
    `Cannot trust the repository at ${found.address}: ${why}`,
    {
      hint:
        'If you put it there yourself (a copy brought back, a new repository), accept it with ' +
        `\`cairn key trust ${found.repositoryId.slice(0, 8)}\`. Otherwise find out who did.`,
      context: { repository: found.repositoryId, expected: known.repositoryId },
    },
  )
}

function whatChanged(found: RepositoryState, known: RepositoryState): string | undefined {
  if (found.repositoryId !== known.repositoryId) {
    const [now, before] = [found.repositoryId.slice(0, 8), known.repositoryId.slice(0, 8)]
    return `it is repository ${now}, and there was ${before} before`
  }
  if (found.ownerVerifyKey !== known.ownerVerifyKey) return 'its owner is another one than before'
  if (found.configGeneration >= known.configGeneration) return undefined
  const [now, before] = [found.configGeneration, known.configGeneration]
  return `its config went back from generation ${before} to ${now}`
}
