import { expect, test } from 'vitest'
import { groupRoots } from './roots.ts'

function info(name: string, storedAtMs: number) {
  return { name, size: 1, storedAtMs }
}

/** Snapshots and receipts, each with its own time or, where `receiptMs` says so, with that. */
function history(count: number, receiptMs?: number) {
  const numbers = Array.from({ length: count }, (_, at) => at)
  return {
    snapshots: numbers.map((at) => info(`snapshots/${at}`, 10 * at)),
    receipts: numbers.map((at) => info(`receipts/${at}`, receiptMs ?? 10 * at + 1)),
  }
}

test('each snapshot is confirmed before the next one is put', () => {
  const roots = history(3)
  const groups = groupRoots(roots, roots).map(({ snapshots, receipts }) =>
    [...snapshots, ...receipts].map(({ name }) => name),
  )
  expect(groups).toEqual([
    ['snapshots/0', 'receipts/0'],
    ['snapshots/1', 'receipts/1'],
    ['snapshots/2', 'receipts/2'],
  ])
})

test('many snapshots are no more than 64 groups, and all of them are there', () => {
  const roots = history(1000)
  const groups = groupRoots(roots, roots)
  expect(groups.length).toBeLessThanOrEqual(64)
  expect(groups.flatMap(({ snapshots }) => snapshots)).toEqual(roots.snapshots)
  expect(groups.flatMap(({ receipts }) => receipts)).toEqual(roots.receipts)
})

test('receipts alone are a group', () => {
  const roots = history(3)
  const copy = { snapshots: [], receipts: roots.receipts.slice(1) }
  expect(groupRoots(roots, copy)).toEqual([copy])
})

test('a receipt of a snapshot that is there comes before new snapshots', () => {
  const roots = history(2)
  const copy = { snapshots: roots.snapshots.slice(1), receipts: roots.receipts }
  expect(groupRoots(roots, copy)).toEqual([
    { snapshots: [], receipts: roots.receipts.slice(0, 1) },
    { snapshots: roots.snapshots.slice(1), receipts: roots.receipts.slice(1) },
  ])
})

test('times that cannot be those of a repository at work put all snapshots first', () => {
  const roots = history(3, 5)
  expect(groupRoots(roots, roots)).toEqual([roots])
})

test('nothing to put is no group', () => {
  expect(groupRoots(history(3), { snapshots: [], receipts: [] })).toEqual([])
})
