import { expect, test } from 'vitest'
import {
  backupFiles,
  namesOf,
  newRepository,
  replaceObject,
} from '../../test/repositories/sample.ts'
import { fromUtf8Lossy } from '../base/bytes.ts'
import { openRepository, type Repository } from '../repository/repository.ts'
import { loadSnapshots } from '../repository/snapshots.ts'
import { type FindOptions, type FindProblem, find } from './find.ts'

async function repositoryOf(...rounds: Record<string, string>[]): Promise<Repository> {
  const { store, owner } = await newRepository()
  const repository = await openRepository(store, owner)
  for (const files of rounds) await backupFiles(repository, { files })
  return repository
}

async function paths(
  repository: Repository,
  patterns: readonly string[],
  changes: Partial<FindOptions> = {},
): Promise<readonly string[]> {
  const { snapshots } = await loadSnapshots(repository)
  const signal = new AbortController().signal
  const options = {
    repository,
    snapshots,
    patterns,
    signal,
    onProblem: () => undefined,
    ...changes,
  }
  const found: string[] = []
  for await (const { names, snapshot } of find(options)) {
    const path = names
      .map(fromUtf8Lossy)
      .join('/')
      .replace(/^.*\/source/, '')
    found.push(`${snapshots.indexOf(snapshot)}:${path}`)
  }
  return found
}

const FILES = { 'a.txt': '1', 'docs/B.TXT': '2', 'docs/notes/c.md': '3' }

test('a name is found wherever it is', async () => {
  const repository = await repositoryOf(FILES)
  expect(await paths(repository, ['*.md'])).toEqual(['0:/docs/notes/c.md'])
  expect(await paths(repository, ['notes'])).toEqual(['0:/docs/notes'])
})

test('a pattern with a slash is one of a path', async () => {
  const repository = await repositoryOf(FILES)
  expect(await paths(repository, ['**/docs/*'])).toEqual(['0:/docs/B.TXT', '0:/docs/notes'])
  expect(await paths(repository, ['docs/*'])).toEqual([])
})

test('case counts unless it is told not to', async () => {
  const repository = await repositoryOf(FILES)
  expect(await paths(repository, ['*.txt'])).toEqual(['0:/a.txt'])
  expect(await paths(repository, ['*.TXT'], { ignoreCase: true })).toEqual([
    '0:/a.txt',
    '0:/docs/B.TXT',
  ])
})

test('only entries of the types that are asked for', async () => {
  const repository = await repositoryOf(FILES)
  expect(await paths(repository, ['*o*'], { types: ['directory'] })).toContain('0:/docs')
  expect(await paths(repository, ['*.md'], { types: ['directory'] })).toEqual([])
})

test('what is unchanged is found in every snapshot', async () => {
  const repository = await repositoryOf(FILES, { ...FILES, 'new.md': '4' })
  expect(await paths(repository, ['*.md'])).toEqual([
    '0:/docs/notes/c.md',
    '1:/docs/notes/c.md',
    '1:/new.md',
  ])
})

test('a folder that cannot be read is told, and the search ends in good order', async () => {
  const repository = await repositoryOf(FILES)
  for (const name of await namesOf(repository.store, 'packs/')) {
    const bytes = await repository.store.get(name)
    if (bytes[6] === 5)
      await replaceObject(repository.store, {
        name,
        bytes: bytes.map((byte, i) => (i > 40 ? byte ^ 1 : byte)),
      })
  }
  const problems: FindProblem[] = []
  expect(
    await paths(repository, ['*.md'], { onProblem: (problem) => problems.push(problem) }),
  ).toEqual([])
  expect(problems).toHaveLength(1)
})

test('patterns that cannot be looked for are refused', async () => {
  const repository = await repositoryOf(FILES)
  await expect(paths(repository, ['!a'])).rejects.toMatchObject({ code: 'usage' })
  await expect(paths(repository, [''])).rejects.toMatchObject({ code: 'usage' })
})
