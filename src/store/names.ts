// The names of objects (docs/format.md, 'Objects'): one closed grammar, so that no name from a
// store, a peer or a request can be a path to anything else. Lower-case ASCII only, because names
// must survive every file system, object store and URL unchanged.
//
// Everything but config/, keys/ and leases/ is named by the SHA-256 of its stored bytes.

import { type Bytes, fromHex, toHex } from '../base/bytes.ts'
import { assert } from '../base/errors.ts'

/** Folders whose objects are named by the SHA-256 of their bytes. */
export const CONTENT_FOLDERS = [
  'packs',
  'index',
  'snapshots',
  'receipts',
  'sightings',
  'marks',
  'forgets',
  'renewals',
  'holds',
  'losses',
  'origins',
  'quarantine',
] as const

export type ContentFolder = (typeof CONTENT_FOLDERS)[number]

/** Every folder at the top of a repository. */
export const FOLDERS = ['config', 'keys', 'leases', ...CONTENT_FOLDERS] as const

/** The longest name of an object: leases/, a session of 64 digits, '/', a number of 16 digits. */
export const OBJECT_NAME_LENGTH_MAX = 88

const PACK = /^packs\/([0-9a-f]{2})\/(\1[0-9a-f]{62})$/
const FLAT =
  /^(?:index|snapshots|receipts|sightings|marks|forgets|renewals|holds|losses|origins|quarantine)\/([0-9a-f]{64})$/
const CONFIG = /^config\/[0-9]{1,16}$/
const KEY = /^keys\/[0-9a-z](?:[0-9a-z-]{0,62}[0-9a-z])?$/
const LEASE = /^leases\/[0-9a-f]{16,64}\/[0-9]{1,16}$/
const TOP_FOLDERS: ReadonlySet<string> = new Set(FOLDERS.map((folder) => `${folder}/`))
const SUBFOLDER = /^(?:packs\/[0-9a-f]{2}|leases\/[0-9a-f]{16,64})\/$/

/** True for the name of an object; false for anything else, paths in disguise included. */
export function isObjectName(name: string): boolean {
  if (name.length > OBJECT_NAME_LENGTH_MAX) return false
  return (
    PACK.test(name) || FLAT.test(name) || CONFIG.test(name) || KEY.test(name) || LEASE.test(name)
  )
}

/** True for what a store can list: '' (everything), or a folder of objects ending in '/'. */
export function isListPrefix(prefix: string): boolean {
  if (prefix === '' || SUBFOLDER.test(prefix)) return true
  return TOP_FOLDERS.has(prefix)
}

/** For stores: names are made by us, so that a wrong one is our bug. */
export function assertObjectName(name: string): void {
  assert(isObjectName(name), `${JSON.stringify(name.slice(0, 200))} is not the name of an object`)
}

export function assertListPrefix(prefix: string): void {
  assert(isListPrefix(prefix), `${JSON.stringify(prefix.slice(0, 200))} is not a folder of objects`)
}

/** The SHA-256 that a name promises; undefined for config/, keys/ and leases/. */
export function digestInName(name: string): Bytes | undefined {
  const hex = hexInName(name)
  return hex === undefined ? undefined : fromHex(hex)
}

/** The same in hexadecimal. */
export function hexInName(name: string): string | undefined {
  return PACK.exec(name)?.[2] ?? FLAT.exec(name)?.[1]
}

/** The name in `folder` of the object whose stored bytes have this SHA-256. */
export function contentName(folder: ContentFolder, digest: Bytes): string {
  assert(digest.length === 32, 'a name is made from a SHA-256')
  const hex = toHex(digest)
  return folder === 'packs' ? `packs/${hex.slice(0, 2)}/${hex}` : `${folder}/${hex}`
}

/** The folders that an object is in, outermost first: `packs`, `packs/3f`. */
export function foldersOf(name: string): string[] {
  const parts = name.split('/').slice(0, -1)
  return parts.map((_, depth) => parts.slice(0, depth + 1).join('/'))
}

/** The innermost folder that an object is in: `packs/3f`. */
export function folderOf(name: string): string {
  return name.slice(0, name.lastIndexOf('/'))
}
