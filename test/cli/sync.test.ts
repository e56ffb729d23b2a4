// `cairn sync` as a user types it, between two folders.

import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { noise } from '../repositories/sample.ts'
import { describeTree, diffTrees } from '../trees/describe-tree.ts'
import { type Done, ended, User } from './user.ts'

const user = new User()
const env = user.keyed
const repository = user.path('repository')
/** Without anything that opens the repository. */
const keyless = { CAIRN_REPOSITORY: repository }

beforeAll(async () => {
  user.write({ 'data/a.txt': 'aaa', 'data/sub/b.bin': noise(400_000, 1) })
  expect(await user.run(['init'], { env })).toMatchObject({ code: 0 })
  expect(await user.run(['backup', 'data'], { env })).toMatchObject({ code: 0 })
})

afterAll(() => user.remove())

let serial = 0

/** A path for a copy, with nothing there. */
function newPlace(): string {
  return user.path(`copy-${serial++}`)
}

/** Every file of a repository that is copied, but for what was being written. */
function objectsIn(folder: string): readonly string[] {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
  return paths.filter((path) => !/^(leases\/|origins\/|tmp\/|reserve$)/.test(path)).sort()
}

function expectCopy(copy: string): void {
  expect(objectsIn(copy)).toEqual(objectsIn(repository))
  for (const path of objectsIn(copy)) {
    expect(readFileSync(join(copy, path)).equals(readFileSync(join(repository, path)))).toBe(true)
  }
}

test('copies without a passphrase, and the copy restores', async () => {
  const copy = newPlace()
  const done = await user.run(['sync', '--to', copy], { env: keyless })
  expect(done).toMatchObject({ code: 0, stderr: '' })
  expect(done.stdout).toMatch(/^Copied \d+ objects \(\d+ KiB\) from .*repository to .*copy-0 in /)
  expectCopy(copy)
  const back = user.path('back')
  const restore = ['restore', `latest:${user.path('data')}`, '--target', back, '-r', copy]
  expect(await user.run(restore, { env })).toMatchObject({ code: 0 })
  const options = { blockTolerance: 8 }
  expect(diffTrees(describeTree(user.path('data')), describeTree(back), options)).toEqual([])
  expect(await user.run(['check', '--read-data', '-r', copy], { env })).toMatchObject({ code: 0 })
})

test('copies nothing again, and says so as JSON', async () => {
  const copy = newPlace()
  const first = await user.json(['sync', '--to', copy], { env: keyless })
  expect(first.last).toMatchObject({
    event: 'result',
    source: repository,
    target: copy,
    dryRun: false,
    objects: objectsIn(repository).length,
    snapshots: 1,
    present: 0,
    problems: 0,
  })
  expect(first.lines.filter(({ event }) => event === 'progress').at(-1)).toMatchObject({
    objects: first.last['objects'],
    bytes: first.last['bytes'],
  })
  const second = await user.json(['sync', '--to', copy], { env: keyless })
  expect(second.last).toMatchObject({ objects: 0, bytes: 0, present: first.last['objects'] })
})

test('a dry run tells each object and makes nothing', async () => {
  const copy = newPlace()
  const { lines, last } = await user.json(['sync', '--to', copy, '-n'], { env: keyless })
  const items = lines.filter(({ event }) => event === 'item')
  expect(items).toHaveLength(objectsIn(repository).length)
  expect(items[0]).toMatchObject({ action: 'copy' })
  expect(last).toMatchObject({ dryRun: true, objects: items.length, snapshots: 1 })
  expect(existsSync(copy)).toBe(false)
  const { stdout } = await user.run(['sync', '--to', copy, '--dry-run'], { env: keyless })
  expect(stdout).toMatch(/^Would copy \d+ objects/)
})

test('the same place is refused, however it is spelled', async () => {
  symlinkSync(repository, user.path('link'))
  for (const to of ['repository', './data/../repository/', 'link', `file://${repository}`]) {
    const done = await user.run(['sync', '--to', to], { env: keyless })
    expect(done.stderr).toMatch('that is the same place')
    expect(done.code).toBe(2)
  }
})

test('a place inside the repository is refused, and one around it', async () => {
  symlinkSync(repository, user.path('link-in'))
  for (const to of ['repository/copy', 'link-in/a/copy', '.']) {
    const done = await user.run(['sync', '--to', to], { env: keyless })
    expect(done.stderr).toMatch('one lies inside the other')
    expect(done.code).toBe(2)
  }
  expect(existsSync(user.path('repository/copy'))).toBe(false)
})

test('a place where no folder can be made is told at once', async () => {
  const begun = performance.now()
  const done = await user.run(['sync', '--to', '/proc/copy'], { env: keyless })
  expect(done.stderr).toMatch('Cannot make the folder /proc/copy')
  expect(done.code).toBe(1)
  expect(performance.now() - begun).toBeLessThan(10_000)
})

test("a folder of someone's own files stays as it is", async () => {
  user.write({ 'photos/one.jpg': 'jpg' })
  const done = await user.run(['sync', '--to', 'photos'], { env: keyless })
  expect(done).toMatchObject({ code: 2 })
  expect(done.stderr).toMatch('it is not empty')
  expect(readdirSync(user.path('photos'))).toEqual(['one.jpg'])
})

test('another repository stays as it is', async () => {
  const other = newPlace()
  expect(await user.run(['init', '-r', other], { env })).toMatchObject({ code: 0 })
  const before = objectsIn(other)
  const done = await user.run(['sync', '--to', other], { env: keyless })
  expect(done).toMatchObject({ code: 1 })
  expect(done.stderr).toMatch('is another repository')
  expect(objectsIn(other)).toEqual(before)
})

test('what is no repository cannot be copied', async () => {
  const copy = newPlace()
  const done = await user.run(['sync', '--to', copy, '-r', user.path('data')], { env: keyless })
  expect(done).toMatchObject({ code: 10 })
  expect(await user.run(['sync', '--to', copy, '-r', newPlace()])).toMatchObject({ code: 10 })
  expect(existsSync(copy)).toBe(false)
})

test('--to is asked for, and is not empty', async () => {
  expect(await user.run(['sync'], { env: keyless })).toMatchObject({ code: 2 })
  expect(await user.run(['sync', '--to', ''], { env: keyless })).toMatchObject({ code: 2 })
})

test.each([
  ['that has opened the source', undefined],
  ['that has opened nothing', 'elsewhere'],
])(
  'on a machine %s a copy that was there and is not any more is not made anew unasked',
  async (_, state) => {
    const copy = newPlace()
    const elsewhere = state === undefined ? {} : { XDG_STATE_HOME: user.path(state) }
    const there = { env: { ...keyless, ...elsewhere } }
    expect(await user.run(['sync', '--to', copy], there)).toMatchObject({ code: 0 })
    renameSync(copy, `${copy}.unmounted`)
    mkdirSync(copy)
    const done = await user.run(['sync', '--to', copy], there)
    expect(done).toMatchObject({ code: 10 })
    expect(done.stderr).toMatch('Is its disk mounted?')
    expect(readdirSync(copy)).toEqual([])
    const made = await user.run(['sync', '--to', copy, '--create'], there)
    expect(made).toMatchObject({ code: 0 })
    expectCopy(copy)
  },
)

test('a damaged object is named, the others are copied, and the exit code says so', async () => {
  const damaged = newPlace()
  cpSync(repository, damaged, { recursive: true, preserveTimestamps: true })
  const [pack = ''] = objectsIn(damaged).filter((path) => path.startsWith('packs/'))
  const bytes = readFileSync(join(damaged, pack))
  bytes[100] = (bytes[100] as number) ^ 1
  writeFileSync(join(damaged, pack), bytes)
  const copy = newPlace()
  const done = await user.run(['sync', '--to', copy, '-r', damaged])
  expect(done.code).toBe(3)
  expect(done.stderr).toContain(`damaged: ${pack}: not copied`)
  expect(done.stderr).toContain('cairn repair')
  expect(objectsIn(copy)).toEqual(objectsIn(repository).filter((path) => path !== pack))
  const { lines, last } = await user.json(['sync', '--to', copy, '-r', damaged])
  expect(lines.find(({ event }) => event === 'problem')).toMatchObject({
    kind: 'damaged',
    object: pack,
  })
  expect(last).toMatchObject({ event: 'result', problems: 1 })
  // From the sound one it comes after all.
  expect(await user.run(['sync', '--to', copy], { env: keyless })).toMatchObject({ code: 0 })
  expectCopy(copy)
})

test('only a copy that has all is expected to have the newest snapshots', async () => {
  const source = newPlace()
  cpSync(repository, source, { recursive: true, preserveTimestamps: true })
  expect(await user.run(['snapshots', '-r', source], { env })).toMatchObject({ code: 0 })
  const [pack = ''] = objectsIn(source).filter((path) => path.startsWith('packs/'))
  const bytes = readFileSync(join(source, pack))
  writeFileSync(join(source, pack), bytes.subarray(0, 100))
  const copy = newPlace()
  await user.run(['sync', '--to', copy, '-r', source])
  expect(knownOf(source)).toHaveProperty('newest')
  expect(knownOf(copy)).not.toHaveProperty('newest')
  // Another store has a clock of its own.
  expect(knownOf(copy)).not.toHaveProperty('storeTimeMs')
  writeFileSync(join(source, pack), bytes)
  expect(await user.run(['sync', '--to', copy, '-r', source])).toMatchObject({ code: 0 })
  expect(knownOf(copy)).toMatchObject({ newest: knownOf(source)?.['newest'] })
  // And each time again, when there are newer ones.
  expect(await user.run(['backup', 'data', '-r', source], { env })).toMatchObject({ code: 0 })
  expect(knownOf(copy)).not.toMatchObject({ newest: knownOf(source)?.['newest'] })
  expect(await user.run(['sync', '--to', copy, '-r', source])).toMatchObject({ code: 0 })
  expect(knownOf(copy)).toMatchObject({ newest: knownOf(source)?.['newest'] })
})

/** What this machine remembers of a place. */
function knownOf(address: string): Readonly<Record<string, unknown>> | undefined {
  const folder = user.path('.local/state/cairn/repositories')
  return readdirSync(folder)
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Record<string, unknown>)
    .find((state) => state['address'] === address)
}

test('an object that was cut off in the copy is named and left alone', async () => {
  const copy = newPlace()
  await user.run(['sync', '--to', copy], { env: keyless })
  const [pack = ''] = objectsIn(copy).filter((path) => path.startsWith('packs/'))
  truncateSync(join(copy, pack), 100)
  const done = await user.run(['sync', '--to', copy], { env: keyless })
  expect(done.code).toBe(3)
  expect(done.stderr).toContain(`mismatch: ${pack}: the target has 100 bytes`)
  expect(readFileSync(join(copy, pack))).toHaveLength(100)
})

test('--delete removes the snapshots that the source has forgotten, and no others', async () => {
  const source = newPlace()
  const copy = newPlace()
  cpSync(repository, source, { recursive: true, preserveTimestamps: true })
  user.write({ 'data/more.txt': 'more' })
  const backup = await user.run(['backup', 'data', '-r', source], { env })
  expect(backup).toMatchObject({ code: 0 })
  await user.run(['sync', '--to', copy, '-r', source])
  const first = (folder: string) =>
    objectsIn(repository).find((path) => path.startsWith(folder)) as string
  const [snapshot, receipt] = [first('snapshots/'), first('receipts/')]
  const bytes = [snapshot, receipt].map((path) => [path, readFileSync(join(source, path))] as const)
  for (const [path] of bytes) rmSync(join(source, path))
  const lost = await user.run(['sync', '--to', copy, '-r', source, '--delete'])
  expect(lost).toMatchObject({ code: 3 })
  expect(lost.stderr).toContain(`missing: ${snapshot}: this snapshot is gone at the source`)
  for (const [path, content] of bytes) {
    expect(existsSync(join(copy, path))).toBe(true)
    writeFileSync(join(source, path), content)
  }
  const id = snapshot.slice('snapshots/'.length)
  expect(await user.run(['forget', id, '-r', source], { env })).toMatchObject({ code: 0 })
  const kept = await user.json(['sync', '--to', copy, '-r', source])
  expect(kept.last).toMatchObject({ deleted: 0 })
  const { lines, last } = await user.json(['sync', '--to', copy, '-r', source, '--delete'])
  expect(lines.filter(({ event }) => event === 'item')).toMatchObject([
    { action: 'delete', object: snapshot },
  ])
  expect(last).toMatchObject({ deleted: 1, kept: 0 })
  expect(existsSync(join(copy, snapshot))).toBe(false)
  for (const path of objectsIn(source)) {
    if (path.startsWith('snapshots/')) rmSync(join(source, path))
  }
  const refused = await user.run(['sync', '--to', copy, '-r', source, '--delete'])
  expect(refused).toMatchObject({ code: 1 })
  expect(refused.stderr).toContain('it lists no snapshot at all')
})

/** A copy of the repository with some more snapshots. */
async function manySnapshots(): Promise<string> {
  const source = newPlace()
  cpSync(repository, source, { recursive: true, preserveTimestamps: true })
  for (let i = 0; i < 6; i++) {
    user.write({ 'large/file.bin': noise(2_000_000, 9 + i) })
    const { code } = await user.run(['backup', '-q', 'large', '-r', source], { env })
    expect(code).toBe(0)
  }
  return source
}

test('interrupted, it says what is kept, and the next run goes on', async () => {
  const source = await manySnapshots()
  const copies: string[] = []
  let stopped: Done = { code: 0, signal: null, stdout: '', stderr: '' }
  // It may be done before the signal comes.
  while (stopped.code === 0 && copies.length < 20) {
    const copy = newPlace()
    copies.push(copy)
    const child = user.start(['sync', '--to', copy, '-r', source])
    const end = ended(child)
    await waitForObjects(copy, { more: 2, end })
    child.kill('SIGINT')
    stopped = await end
  }
  expect(stopped.code).toBe(130)
  expect(stopped.stderr).toContain('Interrupted: not everything is copied yet')
  const copy = copies.at(-1) ?? ''
  // The copy is known from its first object on.
  renameSync(copy, `${copy}.unmounted`)
  expect(await user.run(['sync', '--to', copy, '-r', source])).toMatchObject({ code: 10 })
  renameSync(`${copy}.unmounted`, copy)
  expect(await user.run(['sync', '--to', copy, '-r', source])).toMatchObject({ code: 0 })
  expect(objectsIn(copy)).toEqual(objectsIn(source))
})

test('killed at any moment, the next run goes on', { timeout: 120_000 }, async () => {
  const source = await manySnapshots()
  const copy = newPlace()
  for (let kill = 0; ; kill++) {
    const child = user.start(['sync', '--to', copy, '-r', source])
    const end = ended(child)
    await waitForObjects(copy, { more: 2, end })
    child.kill('SIGKILL')
    await end
    if (!existsSync(join(copy, 'config/00000001'))) continue
    const checked = await user.run(['check', '-r', copy], { env })
    expect(checked).toMatchObject({ code: 0 })
    if (objectsIn(copy).length === objectsIn(source).length) {
      expect(kill).toBeGreaterThan(1)
      break
    }
  }
  expect(await user.run(['sync', '--to', copy, '-r', source])).toMatchObject({ code: 0 })
  expect(objectsIn(copy)).toEqual(objectsIn(source))
})

/** Until there are some more objects than before, or the run has ended. */
async function waitForObjects(
  folder: string,
  { more, end }: { readonly more: number; readonly end: Promise<unknown> },
): Promise<void> {
  const before = existsSync(folder) ? objectsIn(folder).length : 0
  const over = new AbortController()
  void end.then(() => over.abort())
  while (!over.signal.aborted) {
    if (existsSync(folder) && objectsIn(folder).length >= before + more) return
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}
