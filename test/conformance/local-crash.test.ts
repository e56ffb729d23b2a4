// Real processes on one local store: killed in mid-put, and racing for the same names. After any of
// it what is listed is whole, what was acknowledged is there, and what a crash left is removed.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, utimesSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { getVerified } from '../../src/store/content.ts'
import { openLocal } from '../../src/store/local/local-store.ts'
import { sampleBytes, sampleObject } from './sample-objects.ts'
import { namesIn } from './store-suite.ts'

const LOOP = fileURLToPath(new URL('./put-loop.ts', import.meta.url))

let path: string
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'cairn-crash-'))
})
afterEach(() => {
  rmSync(path, { recursive: true })
})

function startLoop(
  firstSeed: number,
  ...mode: string[]
): { child: ChildProcess; said: Promise<string> } {
  const child = spawn(process.execPath, [LOOP, path, String(firstSeed), ...mode], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return { child, said: text(child.stdout) }
}

async function killInMidPut(child: ChildProcess, afterMs: number): Promise<void> {
  const stdout = child.stdout
  await new Promise((resolve) => stdout?.once('data', resolve))
  await systemClock.sleep(afterMs)
  child.kill('SIGKILL')
}

const lines = (said: string) => said.split('\n').filter((line) => line !== '')

test('kill -9 in mid-put, 12 times: what is listed is whole and what returned is there', async () => {
  const acknowledged: string[] = []
  for (let round = 0; round < 12; round++) {
    const { child, said } = startLoop(round * 1_000_000)
    await killInMidPut(child, round * 7)
    acknowledged.push(...lines(await said).filter((line) => line.length === 73))
  }
  const store = openLocal({ path, clock: systemClock })
  const listed = await namesIn(store, '')
  for (const name of listed) await getVerified(store, name)
  expect(acknowledged.length).toBeGreaterThan(12)
  expect(listed).toEqual(expect.arrayContaining(acknowledged))
})

test('what a crash left in tmp/ is removed when it is a day old, and not before', async () => {
  let left: string[] = []
  for (let round = 0; left.length < 2 && round < 20; round++) {
    const { child, said } = startLoop(round * 1_000_000)
    await killInMidPut(child, round)
    await said
    left = readdirSync(join(path, 'tmp'))
  }
  expect(left.length).toBeGreaterThanOrEqual(2)
  const [old, ...recent] = left as [string, ...string[]]
  const dayBefore = systemClock.nowMs() / 1000 - 25 * 60 * 60
  utimesSync(join(path, 'tmp', old), dayBefore, dayBefore)
  const { name, bytes } = sampleObject(1)
  await openLocal({ path, clock: systemClock }).put(name, [bytes])
  expect(readdirSync(join(path, 'tmp')).sort()).toEqual(recent.sort())
})

test('of two processes that put the same names, one creates each and its bytes are there', async () => {
  const racers = [1, 2, 3].map((seed) => startLoop(seed, 'same'))
  const created = (await Promise.all(racers.map(({ said }) => said))).map(lines)
  expect(created.flat().sort()).toEqual(Array.from({ length: 100 }, (_, i) => `${i}`).sort())
  const store = openLocal({ path, clock: systemClock })
  for (const [racer, generations] of created.entries()) {
    for (const generation of generations) {
      expect(await store.get(`config/${generation}`)).toEqual(sampleBytes(racer + 1, 1000))
    }
  }
})
