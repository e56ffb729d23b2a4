// Partial checks, run by run: each goes on where the last one that came to its end has stopped.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { User } from './user.ts'

let user: User

beforeEach(async () => {
  user = new User()
  await run('init', '--key-file', user.path('key'))
  for (let i = 0; i < 5; i++) {
    user.write({ [`source/file-${i}`]: `content ${i}` })
    expect(await run('backup', user.path('source'))).toMatchObject({ code: 0 })
  }
})

afterEach(() => {
  user.remove()
})

const run = (...args: readonly string[]) => user.run(args, { env: user.keyed })

const read = async (percent: string) => {
  const { last } = await user.json(['check', '--read-data-subset', percent], { env: user.keyed })
  return { packs: Number(last['packs']), packsRead: Number(last['packsRead']) }
}

test('four quarters are all packs', async () => {
  let sum = 0
  for (let quarter = 0; quarter < 4; quarter++) sum += (await read('25%')).packsRead
  const { packs } = await read('25%')
  expect(packs).toBeGreaterThan(5)
  expect(sum).toBeGreaterThanOrEqual(packs)
})

test('a part of data is read each time, however small, beside the trees', async () => {
  const trees = 5
  for (let run = 0; run < 3; run++) expect((await read('1%')).packsRead).toBeGreaterThan(trees)
})

test('a damaged pack is found, however the parts change', async () => {
  const folder = user.path('repository', 'packs')
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
  const packs = files.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name))
  // Those in the middle are between what two parts of half and a twentieth would always read from the start.
  const middle = packs.sort((a, b) => (a.slice(-64) < b.slice(-64) ? -1 : 1))[
    Math.floor(0.65 * packs.length)
  ] as string
  const bytes = readFileSync(middle)
  bytes[40] = (bytes[40] as number) ^ 1
  writeFileSync(middle, bytes)
  const codes: (number | null)[] = []
  for (const percent of ['50%', '5%', '50%', '5%'])
    codes.push((await run('check', '--read-data-subset', percent)).code)
  expect(codes).toContain(1)
})
