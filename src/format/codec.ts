// Codecs: one definition for both directions. Each stored record is declared once, with its keys and
// bounds, and written and read by the same table, so that the twins cannot drift apart.
//
// A record is a CBOR map with unsigned keys. Every field is critical: a reader that does not know
// one stops with 'unsupported', and whoever meets that deletes nothing.

import type { Bytes } from '../base/bytes.ts'
import type { CairnError } from '../base/errors.ts'
import { CborReader, CborWriter, malformed, type Wide } from './cbor.ts'
import { TIME_MS_MAX } from './limits.ts'
import { unsupported } from './unsupported.ts'

export interface Codec<T> {
  write(writer: CborWriter, value: T): void
  read(reader: CborReader): T
}

const shared = new CborWriter(4096)

/** Encodes one value as a whole. */
export function encode<T>(codec: Codec<T>, value: T): Bytes {
  shared.reset()
  codec.write(shared, value)
  return shared.finish()
}

/** Decodes bytes that are exactly one value. Throws 'object-damaged' or 'unsupported'. */
export function decode<T>(codec: Codec<T>, bytes: Bytes): T {
  const reader = new CborReader(bytes)
  const value = codec.read(reader)
  reader.end()
  return value
}

export function uint(max: number = Number.MAX_SAFE_INTEGER): Codec<number> {
  return { write: (writer, value) => writer.uint(value), read: (reader) => reader.uint(max) }
}

/** A moment, in milliseconds since 1970. */
export const time: Codec<number> = uint(TIME_MS_MAX)

export const wideUint: Codec<Wide> = {
  write: (writer, value) => writer.uint(value),
  read: (reader) => reader.wideUint(),
}

export const wideInt: Codec<Wide> = {
  write: (writer, value) => writer.int(value),
  read: (reader) => reader.wideInt(),
}

/** Bytes of any length up to `max`. Read as a copy, so that nothing holds on to the whole object. */
export function bytes(max: number): Codec<Bytes> {
  return {
    write: (writer, value) => writer.bytes(value),
    read: (reader) => reader.bytesCopy(max),
  }
}

/** Bytes that are mostly those of the value before: then that is returned again, and not to be changed. */
export function repeatingBytes(max: number): Codec<Bytes> {
  let last: Bytes = new Uint8Array(0)
  return {
    write: (writer, value) => writer.bytes(value),
    read: (reader) => {
      last = reader.bytesAgain(last, max)
      return last
    },
  }
}

export function fixedBytes(count: number): Codec<Bytes> {
  return {
    write: (writer, value) => writer.bytes(value),
    read: (reader) => reader.fixedBytesCopy(count),
  }
}

export function text(maxBytes: number): Codec<string> {
  return { write: (writer, value) => writer.text(value), read: (reader) => reader.text(maxBytes) }
}

/** One of a closed set of small numbers, each with a name. */
export function choice<T extends string>(numbers: Readonly<Record<T, number>>): Codec<T> {
  const names = new Map((Object.keys(numbers) as T[]).map((name) => [numbers[name], name]))
  return {
    write: (writer, value) => writer.uint(numbers[value]),
    read: (reader) => {
      const number = reader.uint()
      const name = names.get(number)
      if (name === undefined) throw unknownField(`the value ${number}`)
      return name
    },
  }
}

/** What is there or left out. */
export function yes(): Codec<true> {
  const number = choice({ yes: 1 })
  return {
    write: (writer) => number.write(writer, 'yes'),
    read: (reader) => {
      number.read(reader)
      return true
    },
  }
}

export function array<T>(item: Codec<T>, maxItems: number): Codec<readonly T[]> {
  return {
    write: (writer, values) => {
      writer.array(values.length)
      for (const value of values) item.write(writer, value)
    },
    read: (reader) => {
      const values: T[] = []
      for (let left = reader.array(maxItems); left > 0; left--) values.push(item.read(reader))
      return values
    },
  }
}

/** So that a record of a later version is told from damage. */
const FIELDS_MAX = 256

interface Field<T> {
  readonly key: number
  readonly codec: Codec<T>
  readonly optional: boolean
}

export function required<T>(key: number, codec: Codec<T>): Field<T> {
  return { key, codec, optional: false }
}

/** A field that is left out where it is undefined. */
export function optional<T>(key: number, codec: Codec<T>): Field<T | undefined> {
  const inner = codec as Codec<T | undefined>
  return { key, codec: inner, optional: true }
}

/** A CBOR map. Fields are declared in ascending order of their keys. */
export function record<T extends object>(
  fields: {
    readonly [K in keyof T]-?: Field<T[K]>
  },
): Codec<T> {
  const ordered = Object.entries(fields) as [keyof T, Field<T[keyof T]>][]
  // Copied for each value that is read: growing an object field by field costs several allocations.
  const blank = Object.fromEntries(ordered.map(([name]) => [name, undefined])) as Partial<T>
  return {
    write: (writer, value) => {
      let present = 0
      for (const [name] of ordered) if (value[name] !== undefined) present++
      writer.map(present)
      for (const [name, field] of ordered) {
        if (value[name] === undefined) continue
        writer.uint(field.key)
        field.codec.write(writer, value[name])
      }
    },
    read: (reader) => readRecord(reader, { blank, ordered }),
  }
}

function readRecord<T extends object>(
  reader: CborReader,
  {
    blank,
    ordered,
  }: { readonly blank: Partial<T>; readonly ordered: readonly [keyof T, Field<T[keyof T]>][] },
): T {
  const value: Partial<T> = { ...blank }
  let left = reader.map(FIELDS_MAX)
  let key = left > 0 ? reader.uint() : undefined
  for (const [name, field] of ordered) {
    if (key === field.key) {
      value[name] = field.codec.read(reader)
      key = --left > 0 ? reader.uint() : undefined
    } else if (!field.optional) {
      if (key !== undefined && key <= field.key) throw unknownField(`the field ${key}`)
      throw malformed(`field ${field.key} (${String(name)}) is missing`, reader.position)
    }
  }
  if (key !== undefined) throw unknownField(`the field ${key}`)
  return value as T
}

function unknownField(what: string): CairnError {
  return unsupported(`Cannot decode: ${what} is unknown to this version of Cairn`)
}
