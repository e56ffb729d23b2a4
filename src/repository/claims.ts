// Who stores a new blob, when several threads come upon it at once: the one that claims it first.
// Claims live in hash tables in one growable SharedArrayBuffer. A table has a fixed size; when three
// quarters of its slots are promised, it is frozen and one of twice the size follows.
//
// A claim is a promise to store the blob before the run commits. It is never taken back: a thread
// that cannot keep its promise fails the run.
//
// Invariants: a slot goes from empty to busy to full and never back. A ticket is drawn before a
// slot is sought; a table is frozen when all tickets are drawn, and whoever then goes to the next
// table first waits until all drawn tickets are settled, so that it sees every claim of this one.

import type { Bytes } from '../base/bytes.ts'
import { assert } from '../base/errors.ts'
import { BLOB_ID_BYTES } from '../format/ids.ts'

const EMPTY = 0
const BUSY = 1
const FULL = 2

const FIRST_SLOTS = 2 ** 14
const TABLES = 14
/** Words before each table's slots: tickets drawn, tickets settled. */
const HEAD_WORDS = 2
const SLOT_WORDS = 1 + BLOB_ID_BYTES / 4

interface Table {
  readonly start: number
  readonly slots: number
  readonly limit: number
}

const LAYOUT: readonly Table[] = layOut()

function layOut(): Table[] {
  const tables: Table[] = []
  let start = 0
  for (let i = 0; i < TABLES; i++) {
    const slots = FIRST_SLOTS * 2 ** i
    tables.push({ start, slots, limit: (slots * 3) / 4 })
    start += HEAD_WORDS + slots * SLOT_WORDS
  }
  return tables
}

function endOf(table: Table): number {
  return 4 * (table.start + HEAD_WORDS + table.slots * SLOT_WORDS)
}

/** The memory that all threads of a run share. Address space is reserved, memory is not. */
export function newClaimMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(endOf(LAYOUT[0] as Table), {
    maxByteLength: endOf(LAYOUT[TABLES - 1] as Table),
  })
}

export class Claims {
  readonly #buffer: SharedArrayBuffer
  #words: Int32Array
  #bytes: Uint8Array
  /** Where an id is sought. */
  #slot = 0
  /** To the next slot to look at: odd, so that all slots have their turn. */
  #step = 1

  constructor(buffer: SharedArrayBuffer) {
    this.#buffer = buffer
    this.#words = new Int32Array(0)
    this.#bytes = new Uint8Array(0)
    this.#look()
  }

  /** True where the id at `offset` is now the caller's to store; false where it was claimed before. */
  claim(ids: Bytes, offset = 0): boolean {
    for (const table of LAYOUT) {
      this.#ensure(table)
      if (!this.#isFrozen(table)) {
        this.#begin(table, ids, offset)
        if (this.#seek(table, ids, offset, false)) return false
        if (this.#drawTicket(table)) return this.#insert(table, ids, offset)
      }
      if (this.#has(table, ids, offset)) return false
    }
    assert(false, 'more claims than tables hold')
  }

  /** With a ticket: false where another thread was first. */
  #insert(table: Table, ids: Bytes, offset: number): boolean {
    const found = this.#seek(table, ids, offset, true)
    Atomics.add(this.#words, table.start + 1, 1)
    return !found
  }

  /** Whether a table that is frozen holds the id. */
  #has(table: Table, ids: Bytes, offset: number): boolean {
    this.#awaitSettled(table)
    this.#begin(table, ids, offset)
    return this.#seek(table, ids, offset, false)
  }

  #begin(table: Table, ids: Bytes, offset: number): void {
    this.#slot = wordOf(ids, offset) & (table.slots - 1)
    this.#step = wordOf(ids, offset + 4) | 1
  }

  #isFrozen(table: Table): boolean {
    return Atomics.load(this.#words, table.start) >= table.limit
  }

  #drawTicket(table: Table): boolean {
    return Atomics.add(this.#words, table.start, 1) < table.limit
  }

  /** Grows the memory to hold the table: by whichever thread needs it first. */
  #ensure(table: Table): void {
    const end = endOf(table)
    if (this.#bytes.length >= end) return
    if (this.#buffer.byteLength < end) this.#grow(end)
    this.#look()
  }

  /** Views of a fixed length: those that follow the length of their buffer ask for it at each access. */
  #look(): void {
    const { byteLength } = this.#buffer
    this.#words = new Int32Array(this.#buffer, 0, byteLength / 4)
    this.#bytes = new Uint8Array(this.#buffer, 0, byteLength)
  }

  #grow(end: number): void {
    try {
      this.#buffer.grow(end)
    } catch (error) {
      // Another thread has grown it further meanwhile: then all is well.
      if (this.#buffer.byteLength < end) throw error
    }
  }

  #awaitSettled(table: Table): void {
    while (Atomics.load(this.#words, table.start + 1) < table.limit);
  }

  /**
   * Whether the id is in the table at `#slot` or further on; where it is not and `insert`, it is put there.
   * What was passed over before was full, and stays so: a second look goes on where the first one ended.
   */
  #seek(table: Table, ids: Bytes, offset: number, insert: boolean): boolean {
    const mask = table.slots - 1
    for (;;) {
      const word = table.start + HEAD_WORDS + this.#slot * SLOT_WORDS
      let state = Atomics.load(this.#words, word)
      if (state === EMPTY) {
        if (!insert) return false
        state = Atomics.compareExchange(this.#words, word, EMPTY, BUSY)
        if (state === EMPTY) return this.#fill(word, ids, offset)
      }
      while (state === BUSY) {
        state = Atomics.load(this.#words, word)
      }
      if (this.#holds(word, ids, offset)) return true
      this.#slot = (this.#slot + this.#step) & mask
    }
  }

  #fill(word: number, ids: Bytes, offset: number): false {
    const at = 4 * (word + 1)
    for (let i = 0; i < BLOB_ID_BYTES; i++) this.#bytes[at + i] = ids[offset + i] as number
    Atomics.store(this.#words, word, FULL)
    return false
  }

  #holds(word: number, ids: Bytes, offset: number): boolean {
    const at = 4 * (word + 1)
    for (let i = 0; i < BLOB_ID_BYTES; i++)
      if (this.#bytes[at + i] !== ids[offset + i]) return false
    return true
  }
}

/** Ids are keyed hashes: any four of their bytes are as good as a hash. */
function wordOf(ids: Bytes, at: number): number {
  return (
    (ids[at] as number) |
    ((ids[at + 1] as number) << 8) |
    ((ids[at + 2] as number) << 16) |
    ((ids[at + 3] as number) << 24)
  )
}
