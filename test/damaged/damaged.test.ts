// The corpus against check and repair, through the engine. What holds for every case:
//
// 1. Check reports what the case says, and what can be read is what it says.
// 2. A repair by itself, one that gives up what is lost, and one from a copy (from-copy.test.ts) end as the
//    case says.
// 3. Nothing that could be read before cannot be read afterwards.
// 4. No byte is destroyed: what was there is there, or in quarantine as it was found.
// 5. A second repair finds nothing to do.

import { describe, expect, test } from 'vitest'
import { Scratch } from '../engine/fixture.ts'
import { CASES } from './cases.ts'
import { openSample } from './observe.ts'
import { damage, repairAndSee } from './repaired.ts'
import { makeSample } from './sample.ts'

const scratch = new Scratch()
const original = makeSample(scratch.make())

describe.each(CASES)('$name', (one) => {
  const { damaged, closed, repaired, givenUp } = one

  test(closed === undefined ? 'is found, and repaired as far as can be' : 'is closed', async () => {
    const sample = await damage(await original, one, scratch.path())
    if (closed !== undefined) {
      await expect(openSample(sample)).rejects.toMatchObject({ code: closed })
      return
    }
    const outcome = await repairAndSee(sample, {})
    expect(outcome).toEqual({ damaged, seen: repaired })
    if (givenUp === undefined) return
    const last = await repairAndSee(sample, { markLost: true })
    expect(last.seen).toEqual(givenUp)
  })
})

test('no two cases have one name', () => {
  const names = CASES.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
})
