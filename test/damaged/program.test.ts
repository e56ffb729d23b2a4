// Some of the corpus through the real program: what a user types, the exit codes, and a real restore.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Bytes } from '../../src/base/bytes.ts'
import { type Done, User } from '../cli/user.ts'
import { CASES, type DamagedCase, type Seen } from './cases.ts'
import { damage } from './repaired.ts'
import { type DamagedSample, makeSample, SAVED } from './sample.ts'

const CHOSEN: readonly string[] = [
  'missing-pack',
  'truncated-pack',
  'flipped-bit-in-header',
  'wrong-index',
  'damaged-receipt-2',
  'junk-in-every-folder',
  'damaged-config',
]

let user: User
let original: DamagedSample

beforeAll(async () => {
  user = new User()
  original = await makeSample(user.home)
  const { credential } = original.owner
  writeFileSync(user.path('key'), credential.kind === 'secret' ? credential.secret : '', {
    mode: 0o600,
  })
})

afterAll(() => user.remove())

const exitCode = ({ check }: Seen) => (check.length > 0 ? 1 : 0)

/** The kinds of problems that the lines name, once each. */
const kindsOf = ({ check }: Seen) => [...new Set(check.map((line) => line.replace(/:.*/, '')))]

class Place {
  readonly sample: DamagedSample

  constructor(sample: DamagedSample) {
    this.sample = sample
  }

  run(...args: readonly string[]): Promise<Done> {
    const env = { CAIRN_REPOSITORY: this.sample.folder, CAIRN_KEY_FILE: user.path('key') }
    return user.run(args, { env })
  }

  /** Restores the newest snapshot. What of it is not as it was saved. */
  async restore(
    target: string,
  ): Promise<{ readonly code: number | null; readonly lost: string[] }> {
    const { source } = this.sample
    const { code } = await this.run('restore', `latest:${source}`, '--target', target)
    const lost = Object.entries(SAVED).filter(
      ([path, bytes]) => !isThere(join(target, path), bytes),
    )
    return { code, lost: lost.map(([path]) => path) }
  }
}

function isThere(path: string, bytes: Bytes): boolean {
  return existsSync(path) && readFileSync(path).equals(bytes)
}

async function placeOf(one: DamagedCase, name: string): Promise<Place> {
  return new Place(await damage(original, one, user.path(`${one.name}-${name}`)))
}

describe.each(CASES.filter(({ name }) => CHOSEN.includes(name)))('$name', (one) => {
  const { damaged, closed, repaired, fromCopy } = one

  test('is told, repaired and restored', async () => {
    const place = await placeOf(one, 'alone')
    const checked = await place.run('check', '--read-data')
    const done = await place.run('repair', '--read-data')
    if (closed !== undefined || repaired === undefined) {
      expect([checked.code, done.code]).toEqual([1, 1])
      return
    }
    expect(checked.code).toBe(exitCode(damaged))
    for (const kind of kindsOf(damaged)) expect(checked.stderr).toContain(`${kind}: `)
    expect(done.code).toBe(exitCode(repaired))
    for (const kind of kindsOf(repaired)) expect(done.stderr).toContain(`${kind}: `)
    const { code, lost } = await place.restore(user.path(`${one.name}-restored`))
    expect(lost).toEqual(repaired.unreadable['snapshot 2'] ?? [])
    expect(code).toBe(lost.length > 0 ? 1 : 0)
  })

  test('is repaired from a copy', async () => {
    const place = await placeOf(one, 'copied')
    const done = await place.run('repair', '--read-data', '--from', original.folder)
    expect(done.stderr).not.toContain('Bug')
    expect(done.code).toBe(exitCode(fromCopy))
    const { code, lost } = await place.restore(user.path(`${one.name}-restored-from-copy`))
    expect([code, lost]).toEqual([0, []])
  })
})
