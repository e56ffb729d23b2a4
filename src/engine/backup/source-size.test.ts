import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { utf8 } from '../../base/bytes.ts'
import { parsePatternBytes } from '../../source/files/exclude.ts'
import { SourceSize } from './source-size.ts'

const folder = mkdtempSync(join(tmpdir(), 'cairn-size-'))
afterAll(() => {
  rmSync(folder, { recursive: true })
})

test('the size of a source is that of what a backup takes of it', async () => {
  mkdirSync(join(folder, 'below'))
  writeFileSync(join(folder, 'file'), new Uint8Array(1000))
  writeFileSync(join(folder, 'below/file'), new Uint8Array(234))
  writeFileSync(join(folder, 'below/left-out'), new Uint8Array(5000))
  writeFileSync(join(folder, 'below/.cairnignore'), 'left-*\n')
  writeFileSync(join(folder, 'cache'), new Uint8Array(7000))
  const patterns = parsePatternBytes(utf8('cache\n'))
  const size = new SourceSize({ roots: [utf8(folder)], patterns, ignoreFiles: true })
  while (size.bytes === undefined) await new Promise((resolve) => setTimeout(resolve, 5))
  expect(size.bytes).toBe(1000 + 234 + 'left-*\n'.length)
  await size.stop()
})

test('it may be given up at any time, and of what is not there there is nothing', async () => {
  const all = new SourceSize({ roots: [utf8('/')] })
  await all.stop()
  expect(all.bytes).toBeUndefined()
  const none = new SourceSize({ roots: [utf8(join(folder, 'none'))] })
  while (none.bytes === undefined) await new Promise((resolve) => setTimeout(resolve, 5))
  expect(none.bytes).toBe(0)
  await none.stop()
})
