import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  backupFolder,
  makeRepository,
  Scratch,
  SMALL_CHUNKER,
  snapshotOf,
  type TestRepository,
} from '../../test/engine/fixture.ts'
import { flipBit, namesOf, noise } from '../../test/repositories/sample.ts'
import { describeWith } from '../../test/require.ts'
import { buildTree } from '../../test/trees/build-tree.ts'
import { describeTree, diffTrees } from '../../test/trees/describe-tree.ts'
import { nastyTree } from '../../test/trees/nasty-tree.ts'
import { type Bytes, concat, utf8 } from '../base/bytes.ts'
import { timeText } from './dump/pax.ts'
import { type DumpOptions, type DumpProblem, type DumpResult, dump } from './dump.ts'
import { splitPath } from './paths.ts'

const scratch = new Scratch()
const RUNS = Number(process.env['CAIRN_TEST_RUNS'] ?? 12)

interface Dumped {
  readonly result: DumpResult
  readonly bytes: Bytes
  readonly problems: readonly DumpProblem[]
}

async function dumpOf(
  { repository }: TestRepository,
  path: string,
  changes: Partial<DumpOptions> = {},
): Promise<Dumped> {
  const parts: Bytes[] = []
  const problems: DumpProblem[] = []
  const result = await dump({
    repository,
    snapshot: await snapshotOf({ repository }),
    names: splitPath(utf8(path)),
    signal: new AbortController().signal,
    sink: (bytes) => {
      parts.push(bytes.slice())
      return Promise.resolve()
    },
    onProblem: (problem) => problems.push(problem),
    ...changes,
  })
  return { result, bytes: concat(parts), problems }
}

/** A folder with these files in it, backed up. */
async function backedUp(
  files: Record<string, Bytes | string>,
): Promise<{ repository: TestRepository; root: string }> {
  const root = scratch.make('source')
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(root, name, '..'), { recursive: true })
    writeFileSync(join(root, name), content)
  }
  const repository = await makeRepository()
  await backupFolder(repository, root)
  return { repository, root }
}

function extract(archive: Bytes, into: string): void {
  const flags = ['--xattrs', '--xattrs-include=*', '--numeric-owner', '--same-owner', '-p', '-P']
  execFileSync('tar', ['-x', ...flags, '-C', into], {
    input: archive,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
}

test('a file comes out as it went in', async () => {
  const content = noise(5_000_000)
  const { repository, root } = await backedUp({ file: content })
  const { bytes, result } = await dumpOf(repository, `${root}/file`)
  expect(Buffer.compare(bytes, content)).toBe(0)
  expect(result).toEqual({ format: 'file', entries: 1, bytes: content.length, problems: 0 })
})

test('the holes of a sparse file come out as zeros', async () => {
  const root = scratch.make('source')
  const fd = openSync(join(root, 'sparse'), 'w')
  truncateSync(join(root, 'sparse'), 3_000_000)
  writeSync(fd, noise(5000), 0, 5000, 1_000_000)
  closeSync(fd)
  const repository = await makeRepository()
  await backupFolder(repository, root)
  const { bytes } = await dumpOf(repository, `${root}/sparse`)
  const expected = new Uint8Array(3_000_000)
  expected.set(noise(5000), 1_000_000)
  expect(Buffer.compare(bytes, expected)).toBe(0)
})

test('the sink sets the pace', async () => {
  const { repository, root } = await backedUp({ file: noise(6_000_000) })
  let busy = false
  await dumpOf(repository, `${root}/file`, {
    sink: async () => {
      expect(busy).toBe(false)
      busy = true
      await new Promise((resolve) => setTimeout(resolve, 5))
      busy = false
    },
  })
})

test('what the sink throws ends the dump', async () => {
  const { repository, root } = await backedUp({ a: 'x' })
  const sink = () => Promise.reject(new Error('pipe closed'))
  await expect(dumpOf(repository, root, { sink })).rejects.toThrow('pipe closed')
})

test('a path that is not there, and a folder as a file, are refused', async () => {
  const { repository, root } = await backedUp({ a: 'x' })
  await expect(dumpOf(repository, `${root}/b`)).rejects.toMatchObject({ code: 'not-found' })
  await expect(dumpOf(repository, root, { format: 'file' })).rejects.toMatchObject({
    code: 'usage',
  })
})

test('damage to a file ends its dump, and leaves zeros and a problem in an archive', async () => {
  const content = noise(3_000_000)
  const { repository, root } = await backedUp({ 'a/large': content, 'b/small': 'fine' })
  const sizes = await Promise.all(
    (await namesOf(repository.store, 'packs/')).map(async (name) => ({
      name,
      ...(await repository.store.stat(name)),
    })),
  )
  const { name, size = 0 } = sizes.reduce((a, b) => ((b.size ?? 0) > (a.size ?? 0) ? b : a))
  await flipBit(repository.store, { name, offset: Math.floor(size / 2) })
  await expect(dumpOf(repository, `${root}/a/large`)).rejects.toMatchObject({
    code: 'object-damaged',
  })
  const { bytes, problems, result } = await dumpOf(repository, root)
  expect(problems).toHaveLength(1)
  expect(result.problems).toBe(1)
  const target = scratch.make('target')
  extract(bytes, target)
  expect(
    execFileSync('cat', [join(target, root.split('/').at(-1) as string, 'b/small')], {
      encoding: 'utf8',
    }),
  ).toBe('fine')
})

describeWith('tar reads what was dumped', ['root', 'attr', 'acl'], () => {
  test('of nasty trees, in every attribute', async () => {
    const property = fc.asyncProperty(nastyTree(), async (tree) => {
      const root = scratch.path('nasty')
      buildTree(tree, root)
      const before = describeTree(root)
      const repository = await makeRepository({ chunker: SMALL_CHUNKER })
      await backupFolder(repository, root)
      const { bytes, problems } = await dumpOf(repository, root)
      expect(problems).toEqual([])
      const target = scratch.make('target')
      extract(bytes, target)
      const extracted = join(target, root.split('/').at(-1) as string)
      const ignoreBlocks = { blockTolerance: Number.MAX_SAFE_INTEGER }
      expect(diffTrees(before, describeTree(extracted), ignoreBlocks)).toEqual([])
    })
    await fc.assert(property, { numRuns: RUNS })
  }, 300_000)
})

test('times before 1970 count their nanoseconds upwards', () => {
  expect(timeText(-1n, 250_000_000)).toBe('-0.75')
  expect(timeText(-2n, 1)).toBe('-1.999999999')
  expect(timeText(5n, 0)).toBe('5')
  expect(timeText(5n, 120_000_000)).toBe('5.12')
})
