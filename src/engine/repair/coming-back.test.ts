import { expect, test } from 'vitest'
import { makeRepository } from '../../../test/engine/fixture.ts'
import { EMPTY_SUMMARY } from '../../../test/repositories/nothing-saved.ts'
import type { Summary } from '../../format/snapshot.ts'
import { selectDomain } from '../../repository/repository.ts'
import { type ComingBack, type SnapshotBack, sightedBack, wavesOf } from './coming-back.ts'

const NOW_MS = 1_000_000
const { repository } = await makeRepository()
const domain = selectDomain(repository)

function back(name: string, said: Partial<Summary>, storedAtMs?: number): SnapshotBack {
  const object = {
    name: `snapshots/${name}`,
    good: new Uint8Array(1),
    isDamaged: false,
    storedAtMs,
  }
  const ids = { sourceId: new Uint8Array(16), sessionId: new Uint8Array(16) }
  const summary = { ...EMPTY_SUMMARY, ...ids, detailsHash: new Uint8Array(32), ...said }
  return { object, opened: { domain, summary } }
}

function coming(...snapshots: readonly SnapshotBack[]): ComingBack {
  return { records: [], forgets: [], snapshots, receipts: [] }
}

test('what comes back is as old as the copy says, but not older than itself nor of a time to come', () => {
  const all = coming(
    back('old', { endedMs: 100 }, 5000),
    back('lied about', { endedMs: 100 }, 7),
    back('ahead', { endedMs: 9 * NOW_MS }, 5000),
    back('unknown', { endedMs: 100 }),
  )
  const sighted = sightedBack(all, { nowMs: NOW_MS })
  expect(sighted.map(({ name, storedAtMs }) => [name, storedAtMs])).toEqual([
    ['snapshots/old', 5000],
    ['snapshots/lied about', 100],
    ['snapshots/ahead', NOW_MS],
  ])
})

test('of each source one comes at a time, oldest first, with its receipts; others of before come first', () => {
  const [one, two] = [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)]
  const receipt = (name: string, confirms: string) => {
    const object = { name: `receipts/${name}`, good: new Uint8Array(1), isDamaged: false }
    return { object, confirms }
  }
  const waves = wavesOf({
    ...coming(
      back('b', { sourceId: one, sequence: 3 }),
      back('a', { sourceId: one, sequence: 2 }),
      back('c', { sourceId: two, sequence: 9 }),
    ),
    receipts: [
      receipt('of b', `${domain.hex} snapshots/b`),
      receipt('of what is there', `${domain.hex} snapshots/x`),
      receipt('of a', `${domain.hex} snapshots/a`),
    ],
  })
  const names = waves.map(({ snapshots, receipts }) => {
    return [...snapshots, ...receipts].map(({ object }) => object.name)
  })
  expect(names).toEqual([
    ['snapshots/a', 'snapshots/c', 'receipts/of what is there', 'receipts/of a'],
    ['snapshots/b', 'receipts/of b'],
  ])
})
