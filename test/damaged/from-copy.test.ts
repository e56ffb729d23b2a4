// The corpus, repaired from a copy that is whole. What holds for every case is said in damaged.test.ts.

import { describe, expect, test } from 'vitest'
import { Scratch } from '../engine/fixture.ts'
import { CASES } from './cases.ts'
import { evidenceIn } from './evidence.ts'
import { damage, repairAndSee } from './repaired.ts'
import { makeSample } from './sample.ts'

const scratch = new Scratch()
const original = makeSample(scratch.make())

describe.each(CASES)('$name', (one) => {
  const { damaged, closed, fromCopy } = one

  test('is repaired from a copy', async () => {
    const { store, folder } = await original
    const before = evidenceIn(folder)
    const sample = await damage(await original, one, scratch.path())
    const outcome = repairAndSee(sample, { from: store })
    if (closed === 'unsupported') {
      // What a later version wrote is left alone, and so nobody of this version gets in.
      await expect(outcome).rejects.toMatchObject({ code: 'unsupported' })
    } else {
      expect(await outcome).toEqual({ damaged, seen: fromCopy })
    }
    expect(evidenceIn(folder), 'the copy is as it was').toEqual(before)
  })
})
