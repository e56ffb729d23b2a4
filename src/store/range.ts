// Which bytes a range means in an object of a known size, the same for every kind of store.

import { assert, CairnError } from '../base/errors.ts'
import { type ByteRange, OBJECT_BYTES_MAX } from './store.ts'

export interface Slice {
  readonly offset: number
  readonly length: number
}

export interface SizedObject {
  readonly address: string
  readonly name: string
  readonly size: number
}

/** The bytes to read. Throws 'object-damaged' where the object is too short or absurdly long. */
export function sliceOf(object: SizedObject, range: ByteRange | undefined): Slice {
  const slice = resolve(object.size, range)
  if (slice.offset + slice.length > object.size) throw tooShort(object, slice)
  if (slice.length > OBJECT_BYTES_MAX) throw tooLong(object)
  return slice
}

function resolve(size: number, range: ByteRange | undefined): Slice {
  if (range === undefined) return { offset: 0, length: size }
  if ('last' in range) {
    assert(isCount(range.last), 'a range counts whole bytes')
    const length = Math.min(range.last, size)
    return { offset: size - length, length }
  }
  assert(isCount(range.offset) && isCount(range.length), 'a range counts whole bytes')
  return range
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

/** Also for stores that notice only while they read that an object ends early. */
export function tooShort(object: SizedObject, slice: Slice): CairnError {
  const wanted = slice.offset + slice.length
  return new CairnError(
    'object-damaged',
    `Cannot read ${object.name} from ${object.address}: ` +
      `it ends after ${grouped(object.size)} of at least ${grouped(wanted)} bytes`,
    {
      hint: 'Run `cairn check --read-data` to see what else is affected.',
      context: { object: object.name, expected: wanted, actual: object.size, retry: false },
    },
  )
}

function tooLong(object: SizedObject): CairnError {
  return new CairnError(
    'object-damaged',
    `Cannot read ${object.name} from ${object.address}: ` +
      `its ${grouped(object.size)} bytes are more than any object has`,
    {
      hint: 'Cairn did not write this. Move it out of the repository.',
      context: { object: object.name, actual: object.size, retry: false },
    },
  )
}

export function missing(object: { readonly address: string; readonly name: string }): CairnError {
  return new CairnError(
    'object-missing',
    `Cannot read ${object.name} from ${object.address}: it is not there`,
    {
      hint: 'Run `cairn check` to see what is affected.',
      context: { object: object.name, retry: false },
    },
  )
}

function grouped(bytes: number): string {
  return bytes.toLocaleString('en-US')
}
