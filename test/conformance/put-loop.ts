// A process that puts objects into a local store until it is killed; for local-crash.test.ts. It
// says on its standard output which puts have returned.
//
//   node put-loop.ts <folder> <first seed> [same]
//
// With `same` it puts config/0, config/1, ... instead, and says which of them it created.

import { writeSync } from 'node:fs'
import { systemClock } from '../../src/base/clock.ts'
import { openLocal } from '../../src/store/local/local-store.ts'
import { sampleBytes, sampleObject } from './sample-objects.ts'

const [path = '', firstSeed = '0', mode] = process.argv.slice(2)
const store = openLocal({ path, clock: systemClock, create: true })
const first = Number(firstSeed)

if (mode === 'same') {
  for (let generation = 0; generation < 100; generation++) {
    const result = await store.put(`config/${generation}`, [sampleBytes(first, 1000)])
    if (result === 'created') writeSync(1, `${generation}\n`)
  }
} else {
  const lanes = [0, 1, 2].map(async (lane) => {
    for (let seed = first + lane; ; seed += 3) {
      const { name, bytes } = sampleObject(seed, 200_000)
      await store.put(name, [bytes.subarray(0, 77_777), bytes.subarray(77_777)])
      writeSync(1, `${name}\n`)
    }
  })
  await Promise.all(lanes)
}
