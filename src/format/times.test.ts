// Every time in every stored type has the bound that docs/format.md, section 1, gives it: whatever shows one
// need not look again.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import * as values from '../../test/format/values.ts'
import { type Codec, decode, encode } from './codec.ts'
import { configCodec } from './config.ts'
import { grantCodec, keyringCodec } from './keys.ts'
import { TIME_MS_MAX } from './limits.ts'
import { markWordCodec } from './mark.ts'
import { leaseCodec, receiptCodec } from './records.ts'
import { summaryCodec } from './snapshot.ts'
import { forgetCodec, holdCodec, lossCodec, renewalCodec, sightingCodec } from './upkeep-records.ts'

/** The same with another time in all places that have one. */
function withTimes(value: unknown, ms: number): unknown {
  if (Array.isArray(value)) return value.map((one) => withTimes(one, ms))
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  const changed = Object.entries(value).map(([name, one]): [string, unknown] => {
    if (!name.endsWith('Ms')) return [name, withTimes(one, ms)]
    return [name, Array.isArray(one) ? one.map(() => ms) : ms]
  })
  return Object.fromEntries(changed)
}

function formOf<T>(codec: Codec<T>, value: fc.Arbitrary<T>) {
  return (ms: number) => {
    // One that has a time: lists may be empty.
    const samples = fc.sample(value, { seed: 7, numRuns: 50 })
    const wanted = samples.find((one) => JSON.stringify(withTimes(one, 123)).includes('123'))
    const bytes = encode(codec, withTimes(wanted, ms) as T)
    return encode(codec, decode(codec, bytes))
  }
}

test.each([
  ['config', formOf(configCodec, values.config)],
  ['grant', formOf(grantCodec, values.grant)],
  [
    'keyring',
    formOf(
      keyringCodec,
      withSome(values.keyring, ({ issued }) => issued),
    ),
  ],
  ['summary', formOf(summaryCodec, values.summary)],
  ['receipt', formOf(receiptCodec, values.receipt)],
  ['lease', formOf(leaseCodec, values.lease)],
  ['mark', formOf(markWordCodec, values.markWord)],
  ['forget record', formOf(forgetCodec, values.forget)],
  [
    'sighting of snapshots',
    formOf(
      sightingCodec,
      withSome(sightings('moved'), (s) => s.snapshots),
    ),
  ],
  [
    'sighting of frames',
    formOf(
      sightingCodec,
      withSome(sightings('snapshots'), ({ moved }) => moved[0]?.receivedMs ?? []),
    ),
  ],
  ['hold', formOf(holdCodec, values.hold)],
  ['renewal', formOf(renewalCodec, values.renewal)],
  ['loss', formOf(lossCodec, values.loss)],
])('a %s says no time that is none', (_, again) => {
  expect(() => again(TIME_MS_MAX)).not.toThrow()
  expect(() => again(TIME_MS_MAX + 1)).toThrow('is more than the maximum of 8640000000000000')
})

function withSome<T>(value: fc.Arbitrary<T>, list: (one: T) => readonly unknown[]) {
  return value.filter((one) => list(one).length > 0)
}

function sightings(without: 'moved' | 'snapshots') {
  return values.sighting.map((one) => ({ ...one, [without]: [] }))
}
