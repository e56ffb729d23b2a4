// In which order snapshots stand: by their numbers, by their times where copies have numbers, and among sources
// by times that nobody can choose.

import { beforeEach, expect, test } from 'vitest'
import { DAY_MS } from '../../test/engine/candidates.ts'
import { Retention } from '../../test/engine/retention.ts'
import type { Repository } from './repository.ts'
import { compareAmongSources, loadSnapshots, orderOfSource, type Snapshot } from './snapshots.ts'

const copyOf = new Uint8Array(32)

let retention: Retention
let owner: Repository

beforeEach(async () => {
  retention = await Retention.make()
  owner = await retention.owner()
})

async function load(): Promise<readonly Snapshot[]> {
  return (await loadSnapshots(owner)).snapshots
}

async function inOrder(): Promise<readonly string[]> {
  const all = await load()
  return all.toSorted(orderOfSource(all)).map(({ id }) => id)
}

function daysAgo(days: number): { readonly startedMs: number; readonly endedMs: number } {
  const ms = retention.nowMs - days * DAY_MS
  return { startedMs: ms, endedMs: ms }
}

test('of a source without copies it is that of the numbers, whatever clocks say', async () => {
  const first = await retention.save(owner)
  const second = await retention.save(owner, { summary: daysAgo(30) })
  expect(await inOrder()).toEqual([first, second])
})

test('of a source with copies it is that of the times', async () => {
  const newer = await retention.save(owner, { summary: { copyOf } })
  const older = await retention.save(owner, { summary: { ...daysAgo(30), copyOf } })
  const own = await retention.save(owner)
  const between = await retention.save(owner, { summary: { ...daysAgo(20), copyOf } })
  expect(await inOrder()).toEqual([older, between, newer, own])
})

test('a copy that nobody confirmed changes nothing', async () => {
  const first = await retention.save(owner)
  const second = await retention.save(owner, { summary: daysAgo(30) })
  const copy = await retention.save(owner, { summary: { copyOf }, isConfirmed: false })
  expect(await inOrder()).toEqual([first, second, copy])
})

test('among sources nothing was begun later than the store received it', async () => {
  const ahead = await retention.save(owner, { source: 'one', summary: daysAgo(-365) })
  const last = await retention.save(owner, { source: 'two' })
  const late = await retention.save(owner, { source: 'three', summary: daysAgo(30) })
  const all = (await load()).toSorted(compareAmongSources)
  expect(all.map(({ id }) => id)).toEqual([late, ahead, last])
})
