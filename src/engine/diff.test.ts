import { chmodSync, mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import {
  backupFolder,
  makeRepository,
  Scratch,
  snapshotsOf,
  type TestRepository,
} from '../../test/engine/fixture.ts'
import { newSecret } from '../../test/repositories/sample.ts'
import { fromUtf8Lossy, utf8 } from '../base/bytes.ts'
import { systemClock } from '../base/clock.ts'
import { addGrant } from '../repository/grants-add.ts'
import { openRepository } from '../repository/repository.ts'
import type { Snapshot } from '../repository/snapshots.ts'
import { systemRandom } from '../sealer/random.ts'
import { countDifference, NO_DIFFERENCES } from './diff/statistics.ts'
import { type Difference, diff } from './diff.ts'
import { splitPath } from './paths.ts'

const scratch = new Scratch()
let root: string
let test1: TestRepository

beforeEach(async () => {
  root = scratch.make('source')
  write('same/deep/file', 'unchanged')
  write('gone/a', 'a')
  write('changed', 'before')
  write('mode', 'm')
  write('kind', 'file')
  test1 = await makeRepository()
})

function write(path: string, content: string): void {
  mkdirSync(join(root, path, '..'), { recursive: true })
  writeFileSync(join(root, path), content)
  utimesSync(join(root, path), 1, 1)
}

function change(): void {
  rmSync(join(root, 'gone'), { recursive: true })
  write('changed', 'after!')
  chmodSync(join(root, 'mode'), 0o600)
  rmSync(join(root, 'kind'))
  symlinkSync('elsewhere', join(root, 'kind'))
  write('new/inner/x', 'xyz')
}

async function differences(
  [before, after]: readonly [Snapshot, Snapshot],
  path = root,
): Promise<readonly Difference[]> {
  const names = splitPath(utf8(path))
  const found: Difference[] = []
  const options = {
    repository: test1.repository,
    before: { snapshot: before, names },
    after: { snapshot: after, names },
    signal: new AbortController().signal,
    onProblem: () => undefined,
  }
  for await (const difference of diff(options)) found.push(difference)
  return found
}

function lines(found: readonly Difference[]): readonly string[] {
  return found.map((one) => {
    const path = one.names.map(fromUtf8Lossy).join('/')
    if (one.kind !== 'modified') return `${one.kind} ${path}`
    const { type, content, metadata } = one.change
    return `${type ? 'T' : '-'}${content ? 'C' : '-'}${metadata ? 'M' : '-'} ${path}`
  })
}

async function twoSnapshots(): Promise<readonly [Snapshot, Snapshot]> {
  await backupFolder(test1, root)
  change()
  await backupFolder(test1, root)
  return (await snapshotsOf(test1)) as unknown as readonly [Snapshot, Snapshot]
}

const EXPECTED = [
  '-C- changed',
  'removed gone',
  'removed gone/a',
  'T-M kind',
  '--M mode',
  'added new',
  'added new/inner',
  'added new/inner/x',
]

test('tells what was added, removed and modified, and how', async () => {
  expect(lines(await differences(await twoSnapshots()))).toEqual(EXPECTED)
})

test('the other way round is the opposite', async () => {
  const [a, b] = await twoSnapshots()
  const back = lines(await differences([b, a]))
  expect(back).toContain('added gone/a')
  expect(back).toContain('removed new/inner/x')
})

test('a snapshot does not differ from itself', async () => {
  const [a] = await twoSnapshots()
  expect(await differences([a, a])).toEqual([])
})

test('single files are compared', async () => {
  const both = await twoSnapshots()
  expect(lines(await differences(both, join(root, 'changed')))).toEqual(['-C- changed'])
  await expect(differences(both, join(root, 'kind', 'x'))).rejects.toMatchObject({
    code: 'not-found',
  })
})

test('snapshots of two domains are compared by size and CRC', async () => {
  const key = newSecret()
  await addGrant(test1.repository, {
    role: 'writer',
    label: 'w',
    ...key,
    random: systemRandom,
    clock: systemClock,
  })
  await backupFolder(test1, root)
  change()
  await backupFolder({ repository: await openRepository(test1.store, key) }, root)
  test1 = { ...test1, repository: await openRepository(test1.store, test1.key) }
  const both = [...(await snapshotsOf(test1))].sort(
    (a, b) => a.summary.startedMs - b.summary.startedMs,
  )
  expect(new Set(both.map(({ domain }) => domain.label)).size).toBe(2)
  expect(lines(await differences(both as unknown as readonly [Snapshot, Snapshot]))).toEqual(
    EXPECTED,
  )
})

test('the statistics add up', async () => {
  const sum = (await differences(await twoSnapshots())).reduce(countDifference, NO_DIFFERENCES)
  expect(sum).toEqual({
    added: { files: 1, folders: 2, others: 0, bytes: 3 },
    removed: { files: 1, folders: 1, others: 0, bytes: 1 },
    type: 1,
    content: 1,
    metadata: 1,
  })
})
