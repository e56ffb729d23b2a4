import { expect, test } from 'vitest'
import { utf8 } from '../../base/bytes.ts'
import { unwireFolders, wireFolders } from './wire-folders.ts'

test('folders come out as they went in, and what they share is sent once', () => {
  const [a, b, c] = [utf8('a'), utf8('b'), utf8('c')]
  const folders = [[], [a], [a, b, c], [a, b], [b, a, c], [], [c]]
  const wire = wireFolders(folders)
  expect(unwireFolders(wire)).toEqual(folders)
  expect(wire.map(({ names }) => names.length)).toEqual([0, 1, 2, 0, 3, 0, 1])
})
