// Listing a local store: folders are streamed (a readdir of everything would need memory for
// everything), and each object's size and time come from lstat.
//
// The calls are synchronous, a few at a time: measured on 10,000 objects in 256 folders, one lstat
// on libuv's threads costs three times what it costs here, and the caller waits for either. Between
// the runs the event loop goes round.

import { type Dir, lstatSync, opendirSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { FOLDERS, isListPrefix, isObjectName } from '../names.ts'
import type { ObjectInfo } from '../store.ts'
import { errnoOf } from './folder-errors.ts'

/** About a millisecond of work on a local disk. */
const ENTRIES_PER_TURN = 128

/** The folders whose entries are folders. */
const WITH_SUBFOLDERS: readonly string[] = ['packs/', 'leases/']

/**
 * Every object under `prefix`. What no Cairn wrote is left out: other names, links, devices.
 * Throws the system's errors as they come; a folder that is not there is empty.
 */
export async function* listObjects(root: string, prefix: string): AsyncGenerator<ObjectInfo> {
  let sinceTurn = 0
  for (const folder of foldersUnder(root, prefix)) {
    for (const names of entriesOf(`${root}/${folder}`)) {
      for (const name of names) {
        const info = infoIfObject(root, folder + name)
        if (info !== undefined) yield info
      }
      sinceTurn += names.length
      if (sinceTurn < ENTRIES_PER_TURN) continue
      sinceTurn = 0
      await setImmediate()
    }
  }
}

/** The folders that hold objects themselves, each ending in '/'. */
function* foldersUnder(root: string, prefix: string): Generator<string> {
  if (prefix === '') {
    for (const folder of FOLDERS) yield* foldersUnder(root, `${folder}/`)
  } else if (WITH_SUBFOLDERS.includes(prefix)) {
    for (const names of entriesOf(`${root}/${prefix}`)) {
      for (const name of names) if (isListPrefix(`${prefix}${name}/`)) yield `${prefix}${name}/`
    }
  } else {
    yield prefix
  }
}

function infoIfObject(root: string, name: string): ObjectInfo | undefined {
  return isObjectName(name) ? infoOf(root, name) : undefined
}

/** The names in a folder, some at a time; none where it is absent, or is a link or a file. */
function* entriesOf(path: string): Generator<string[]> {
  const folder = openFolder(path.slice(0, -1))
  if (folder === undefined) return
  try {
    for (let names = someNames(folder); names.length > 0; names = someNames(folder)) yield names
  } finally {
    folder.closeSync()
  }
}

function someNames(folder: Dir): string[] {
  const names: string[] = []
  while (names.length < ENTRIES_PER_TURN) {
    const entry = folder.readSync()
    if (entry === null) break
    names.push(entry.name)
  }
  return names
}

function openFolder(path: string): Dir | undefined {
  try {
    if (!lstatSync(path).isDirectory()) return undefined
    return opendirSync(path, { bufferSize: ENTRIES_PER_TURN })
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Undefined where there is no such file, or no longer. */
export function infoOf(root: string, name: string): ObjectInfo | undefined {
  const stat = lstatSync(`${root}/${name}`, { throwIfNoEntry: false })
  if (stat === undefined || !stat.isFile()) return undefined
  return { name, size: stat.size, storedAtMs: Math.floor(stat.mtimeMs) }
}
