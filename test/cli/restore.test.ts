// `cairn restore` and what chooses a snapshot, as a user types them.

import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { User } from './user.ts'

const user = new User()
const env = user.keyed
const ids: string[] = []

/** Three snapshots of `data`, one of `other` in between. */
beforeAll(async () => {
  expect(await user.run(['init'], { env })).toMatchObject({ code: 0 })
  for (const [at, text] of ['one', 'two', 'three'].entries()) {
    user.write({ 'data/a.txt': text, 'data/sub/b.conf': 'conf', [`data/sub/${text}`]: text })
    const tags = at === 0 ? ['--tag', 'first', '--host', 'elsewhere', '--source', 'data'] : []
    const { last } = await user.json(['backup', 'data', '--source', 'data', ...tags], { env })
    ids.push(String(last['snapshot']))
  }
  user.write({ 'other/c': 'c' })
  await user.run(['backup', 'other'], { env })
})

afterAll(() => user.remove())

const restore = (...args: readonly string[]) => user.run(['restore', ...args], { env })
const read = (...names: readonly string[]) => readFileSync(user.path(...names), 'utf8')

describe('which snapshot', () => {
  test('latest is the newest, whatever it is of, and says which it is', async () => {
    const done = await user.run(['ls', 'latest'], { env })
    expect(done.stdout).toBe(`${user.path('other/c')}\n`)
    expect(done.stderr).toMatch(/^Snapshot [0-9a-f]{8} of \d{4}-\d\d-\d\d .*\/other\n$/)
  })

  test.each([
    ['latest', ['--source', 'data'], 'three'],
    ['latest~1', ['--source', 'data'], 'two'],
    ['latest~2', ['--path', 'data'], 'one'],
    ['latest', ['--tag', 'first'], 'one'],
    ['latest', ['--host', 'elsewhere'], 'one'],
  ])('%s %j', async (wanted, flags, text) => {
    const absolute = flags.map((flag) =>
      flag === 'data' && flags[0] === '--path' ? user.path('data') : flag,
    )
    const place = `${wanted}:${user.path('data/a.txt')}`
    expect((await user.run(['dump', place, ...absolute], { env })).stdout).toBe(text)
  })

  test('one that is named by the beginning of its id', async () => {
    const place = `${ids[1]?.slice(0, 8)}:${user.path('data/a.txt')}`
    expect((await user.run(['dump', place], { env })).stdout).toBe('two')
  })

  test('an id in capitals is the same id, and the path behind it stays as it is', async () => {
    const capitals = ids[1]?.slice(0, 20).toUpperCase() ?? ''
    const place = `${capitals}:${user.path('data/a.txt')}`
    expect((await user.run(['dump', place], { env })).stdout).toBe('two')
    const found = await user.run(['find', 'a.txt', '--snapshot', capitals], { env })
    expect(found.stdout).toContain(user.path('data/a.txt'))
    expect(await user.run(['diff', capitals, capitals], { env })).toMatchObject({ code: 0 })
    expect(await user.run(['tag', capitals, '--remove', 'x'], { env })).toMatchObject({ code: 0 })
    expect((await user.run(['ls', `${capitals}:/NO`], { env })).stderr).toContain('There is no /NO')
  })

  test('what was there at a time', async () => {
    const past = await user.run(['ls', 'latest', '--at', '1d'], { env })
    expect(past.code).toBe(1)
    expect(past.stderr).toContain('none of the 4 in the repository fits')
    expect((await user.run(['ls', 'latest', '--at', '0m'], { env })).code).toBe(0)
  })

  test.each([
    ['latest~9', 'There is no latest~9'],
    ['0000', 'There is no snapshot 0000'],
  ])('%s is not found', async (wanted, why) => {
    const done = await user.run(['ls', wanted], { env })
    expect(done.code).toBe(1)
    expect(done.stderr).toContain(why)
  })
})

describe('what is restored, and where to', () => {
  test('without a path everything, below the target by its full path', async () => {
    expect((await restore(ids[0] ?? '', '-t', 'whole')).code).toBe(0)
    expect(read('whole', user.path('data/a.txt'))).toBe('one')
  })

  test('with a path the content of that folder', async () => {
    const done = await restore(`${ids[0] ?? ''}:${user.path('data')}`, '-t', 'content')
    expect(done.code).toBe(0)
    expect(done.stdout).toContain(`to ${user.path('content')} in`)
    expect(readdirSync(user.path('content')).sort()).toEqual(['a.txt', 'sub'])
  })

  test('of a file the file', async () => {
    await restore(`${ids[0] ?? ''}:${user.path('data/a.txt')}`, '-t', 'file')
    expect(readdirSync(user.path('file'))).toEqual(['a.txt'])
  })

  test.each([
    ['a pattern that fits nothing', ['--include', 'nothing']],
    ['all that it fits being left out', ['--include', '*.conf', '--exclude', 'sub']],
  ])('%s is 1 and says so', async (_, flags) => {
    for (const place of ['', `:${user.path('data')}`, `:${user.path('data/a.txt')}`]) {
      for (const more of [[], ['--dry-run']]) {
        const args = ['latest'.concat(place), '--source', 'data', '-t', 'none', ...flags, ...more]
        const done = await restore(...args)
        expect(done).toMatchObject({ code: 1, stdout: '' })
        expect(done.stderr).toMatch(/Nothing in snapshot [0-9a-f]{8} matches --include '/)
        const { lines } = await user.json(['restore', ...args], { env })
        expect(lines).toMatchObject([{ event: 'error', code: 'not-found' }])
      }
    }
  })

  test('an empty folder is something, and so is what is there already', async () => {
    const other = new User()
    mkdirSync(other.path('hollow/empty'), { recursive: true })
    other.write({ 'hollow/file': 'x' })
    await other.run(['init'], { env: other.keyed })
    await other.run(['backup', 'hollow'], { env: other.keyed })
    const place = `latest:${other.path('hollow')}`
    for (const more of [['--dry-run'], [], []]) {
      for (const args of [
        ['latest', '-i', 'empty'],
        [place, '-i', 'empty'],
        [place, '-i', 'file'],
      ]) {
        const done = await other.run(['restore', ...args, '-t', 'back', ...more], {
          env: other.keyed,
        })
        expect(done).toMatchObject({ code: 0 })
      }
    }
    other.remove()
  })

  test('only what is included, less what is excluded', async () => {
    const place = `${ids[2] ?? ''}:${user.path('data')}`
    await restore(place, '-t', 'some', '--include', '*.conf', '--include', 'two')
    expect(readdirSync(user.path('some'))).toEqual(['sub'])
    expect(readdirSync(user.path('some/sub')).sort()).toEqual(['b.conf', 'two'])
    await restore(place, '-t', 'rest', '--exclude', 'sub')
    expect(readdirSync(user.path('rest'))).toEqual(['a.txt'])
  })

  test('a path that is not in the snapshot is not found, and nothing is made', async () => {
    const done = await restore('latest:/no/such', '-t', 'nothing')
    expect(done.code).toBe(1)
    expect(existsSync(user.path('nothing'))).toBe(false)
  })
})

describe('what is there already', () => {
  const place = () => `${ids[2] ?? ''}:${user.path('data')}`

  test('is left alone where it is the same, and a second run does nothing', async () => {
    await restore(place(), '-t', 'twice')
    const again = await user.json(['restore', place(), '-t', 'twice'], { env })
    expect(again.last).toMatchObject({ event: 'result', files: 0, bytes: 0, problems: 0 })
  })

  test('is replaced or not, as --overwrite says', async () => {
    const outcome = async (when: string) => {
      user.write({ [`${when}/a.txt`]: 'mine' })
      utimesSync(user.path(when, 'a.txt'), 2_000_000_000, 2_000_000_000)
      await restore(place(), '-t', when, '--overwrite', when)
      return read(when, 'a.txt')
    }
    expect(await outcome('always')).toBe('three')
    expect(await outcome('if-changed')).toBe('three')
    expect(await outcome('if-newer')).toBe('mine')
    expect(await outcome('never')).toBe('mine')
  })

  test('goes with --delete where the snapshot does not have it', async () => {
    user.write({ 'clean/mine': 'x', 'clean/sub/mine': 'x' })
    expect((await restore(place(), '-t', 'clean', '--delete')).code).toBe(0)
    expect(readdirSync(user.path('clean')).sort()).toEqual(['a.txt', 'sub'])
    expect(existsSync(user.path('clean/sub/mine'))).toBe(false)
  })

  test('names what --delete removes, before and while it does', async () => {
    user.write({ 'named/mine': 'x', 'named/sub/mine': 'x' })
    const args = [place(), '-t', 'named', '--delete'] as const
    const planned = await restore(...args, '--dry-run')
    expect(planned.stdout).toContain('delete mine\n')
    expect(planned.stdout).toContain('delete sub/mine\n')
    expect(planned.stdout).toContain('2 entries removed')
    expect(read('named/mine')).toBe('x')
    const done = await restore(...args, '--verbose')
    expect(done.stderr).toContain('deleted mine\n')
    expect(done.stderr).toContain('deleted sub/mine\n')
    user.write({ 'named/again': 'x' })
    const { lines } = await user.json(['restore', ...args], { env })
    expect(lines.filter(({ event }) => event === 'item')).toEqual([
      { event: 'item', action: 'delete', path: 'again' },
    ])
  })

  test('but not in folders that were never backed up as a whole', async () => {
    for (const above of ['', ':/', `:${user.home}`]) {
      const done = await restore(`${ids[2] ?? ''}${above}`, '-t', 'keep', '--delete')
      expect(done.code).toBe(2)
      expect(done.stderr).toContain(`backed up as a whole: ${user.path('data')}`)
    }
  })

  test('dry runs touch nothing and list what there is to do', async () => {
    user.write({ 'plan/a.txt': 'mine' })
    const done = await restore(place(), '-t', 'plan', '--dry-run')
    expect(done.code).toBe(0)
    expect(done.stdout).toContain('replace a.txt\n')
    expect(done.stdout).toContain('create sub/three\n')
    expect(done.stdout).toContain('Would restore')
    expect(read('plan/a.txt')).toBe('mine')
    expect(readdirSync(user.path('plan'))).toEqual(['a.txt'])
  })

  test('is read back with --verify', async () => {
    const done = await user.json(['restore', place(), '-t', 'verified', '--verify'], { env })
    expect(done.last).toMatchObject({ verified: 5, problems: 0 })
  })
})

describe('around restoring', () => {
  test('diff shows what changed', async () => {
    const [one = '', , three = ''] = ids
    const done = await user.run(['diff', one, three], { env })
    expect(done.stdout.split('\n').slice(0, 3)).toEqual([
      `M ${user.path('data/a.txt')}`,
      `+ ${user.path('data/sub/three')}`,
      `+ ${user.path('data/sub/two')}`,
    ])
    expect((await user.run(['diff', one, one], { env })).stdout).toBe('No differences\n')
  })

  test('find goes through all snapshots', async () => {
    const { lines, last } = await user.json(['find', 'TWO', '-i', '--type', 'file'], { env })
    expect(lines.filter(({ event }) => event === 'item').map(({ snapshot }) => snapshot)).toEqual(
      ids.slice(1),
    )
    expect(last).toMatchObject({ event: 'result', entries: 2, snapshots: 4 })
  })

  test('dump writes a folder as an archive, or into a file that is not there yet', async () => {
    const place = `${ids[2] ?? ''}:${user.path('data')}`
    const done = await user.run(['dump', place], { env })
    expect(done.stdout).toContain('ustar')
    expect((await user.run(['dump', place, '-o', 'data.tar'], { env })).code).toBe(0)
    const again = await user.run(['dump', place, '-o', 'data.tar'], { env })
    expect(again.code).toBe(1)
    expect(again.stderr).toContain('EEXIST')
    const json = await user.run(['dump', `${place}/a.txt`, '--json'], { env })
    expect(json.stdout).toBe('three')
    expect(JSON.parse(json.stderr)).toMatchObject({ event: 'result', format: 'file', bytes: 5 })
  })

  test('tags give a snapshot another id, and nothing else changes', async () => {
    const { last } = await user.json(['tag', ids[1] ?? '', '--add', 'kept', '--add', 'also'], {
      env,
    })
    const [{ after }] = last['snapshots'] as [{ before: string; after: string }]
    const listed = await user.json(['snapshots', '--source', 'data'], { env })
    expect(listed.last['snapshots']).toMatchObject([
      { id: ids[0] },
      { id: after, tags: ['also', 'kept'] },
      { id: ids[2] },
    ])
    expect((await user.run(['tag', after, '--add', 'kept'], { env })).stdout).toContain('already')
  })

  test('stats say what is stored', async () => {
    const { last } = await user.json(['stats'], { env })
    expect(last).toMatchObject({ event: 'result', sources: 2, duplicateBlobs: 0 })
    expect((await user.run(['stats'], { env })).stdout).toMatch(
      /^snapshots {4}4 snapshots of 2 sources, /,
    )
  })
})
