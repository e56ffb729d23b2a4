// Objects of versions that nobody knows, taken out of the way because somebody says so, by the real program. All
// else stays as it is, and what was set aside is in quarantine as it was found.

import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isObjectName } from '../../src/store/names.ts'
import { type Done, User } from '../cli/user.ts'
import { CASES, type DamagedCase } from './cases.ts'
import { destroyed, type Evidence, evidenceIn } from './evidence.ts'
import { damage } from './repaired.ts'
import { type DamagedSample, makeSample } from './sample.ts'

const CHOSEN: readonly string[] = [
  'unknown-version-in-each-folder',
  'unknown-version-in-marks',
  'unknown-version-of-config',
  'unknown-version-of-keyring',
]

let user: User
let original: DamagedSample
let intact: Evidence

beforeAll(async () => {
  user = new User()
  original = await makeSample(user.home)
  intact = evidenceIn(original.folder)
  const { credential } = original.owner
  const secret = credential.kind === 'secret' ? credential.secret : ''
  writeFileSync(user.path('key'), secret, { mode: 0o600 })
})

afterAll(() => user.remove())

const run = ({ folder }: DamagedSample, ...args: readonly string[]): Promise<Done> =>
  user.run(args, { env: { CAIRN_REPOSITORY: folder, CAIRN_KEY_FILE: user.path('key') } })

const setAside = (names: readonly string[]) => names.flatMap((name) => ['--set-aside', name])

/** What is in the sample and was not in the original. */
function strange({ folder }: DamagedSample): readonly string[] {
  return [...evidenceIn(folder).keys()].filter((name) => !intact.has(name) && isObjectName(name))
}

const cases = CASES.filter(({ name }) => CHOSEN.includes(name))

test.each(cases)('$name', async (one: DamagedCase) => {
  const sample = await damage(original, one, user.path(`repository-${one.name}`))
  const names = strange(sample)
  expect(names.length).toBeGreaterThan(0)
  const before = evidenceIn(sample.folder)
  expect((await run(sample, 'check')).code).not.toBe(0)
  expect((await run(sample, 'prune')).code).not.toBe(0)

  expect((await run(sample, 'repair', ...setAside(names), '--dry-run')).code).not.toBe(0)
  for (const name of names) expect(evidenceIn(sample.folder).has(name)).toBe(true)

  const repaired = await run(sample, 'repair', ...setAside(names))
  expect(repaired, repaired.stderr).toMatchObject({ code: 0 })
  for (const name of names) {
    expect(repaired.stdout).toContain(`${name} into quarantine`)
    expect(evidenceIn(sample.folder).has(name)).toBe(false)
  }
  expect(destroyed(sample.folder, before)).toEqual([])

  expect(await run(sample, 'check', '--read-data')).toMatchObject({ code: 0 })
  const forgotten = await run(sample, 'forget', '--keep-last', '9', '--prune')
  expect(forgotten, forgotten.stderr).toMatchObject({ code: 0 })
  // Once more is nothing to do.
  expect(await run(sample, 'repair', ...setAside(names))).toMatchObject({ code: 0 })
})

test('what is known stays, and so does what is only damaged', async () => {
  const flipped = CASES.find(({ name }) => name === 'damaged-snapshot-1') as DamagedCase
  const sample = await damage(original, flipped, user.path('repository-known'))
  const snapshots = [...intact.keys()].filter((name) => name.startsWith('snapshots/'))
  for (const name of snapshots) {
    const { code, stderr } = await run(sample, 'repair', '--set-aside', name)
    expect({ code, stderr }).toMatchObject({ code: 2 })
    expect(stderr).toContain(`Cannot set ${name} aside`)
    expect(evidenceIn(sample.folder).has(name)).toBe(true)
  }
})

test('a name that is none is told', async () => {
  const { code, stderr } = await run(original, 'repair', '--set-aside', '../key')
  expect(code).toBe(2)
  expect(stderr).toContain('not the name of an object')
})
