import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  CONTENT_FOLDERS,
  contentName,
  digestInName,
  FOLDERS,
  folderOf,
  foldersOf,
  isListPrefix,
  isObjectName,
  OBJECT_NAME_LENGTH_MAX,
} from './names.ts'

const HEX = '3f2a'.repeat(16)

test.each([
  `packs/3f/${HEX}`,
  `index/${HEX}`,
  `snapshots/${HEX}`,
  `holds/${HEX}`,
  `losses/${HEX}`,
  `quarantine/${HEX}`,
  'config/1',
  'config/00000042',
  'keys/a',
  `keys/${HEX}`,
  'keys/keyring-7',
  'leases/0123456789abcdef/0',
  `leases/${HEX}/${'9'.repeat(16)}`,
])('%s is the name of an object', (name) => {
  expect(isObjectName(name)).toBe(true)
  expect(name.length).toBeLessThanOrEqual(OBJECT_NAME_LENGTH_MAX)
})

test.each([
  '',
  'packs',
  'packs/',
  `packs/${HEX}`,
  `packs/ff/${HEX}`,
  `packs/3f/${HEX}/x`,
  `packs/3F/${HEX.toUpperCase()}`,
  `packs//3f/${HEX}`,
  `/packs/3f/${HEX}`,
  `./packs/3f/${HEX}`,
  `holds/${HEX.slice(1)}`,
  `quarantined/${HEX}`,
  `loss/${HEX}`,
  `index/${HEX}\n`,
  `index/${HEX} `,
  `index/${HEX.slice(1)}`,
  `index/${HEX}0`,
  'config/',
  'config/-1',
  'config/1.tmp',
  'config/../keys/a',
  `config/${'1'.repeat(17)}`,
  'keys/.',
  'keys/..',
  'keys/.hidden',
  'keys/-a',
  'keys/a-',
  'keys/A',
  'keys/a/b',
  `keys/${'a'.repeat(65)}`,
  'keys/\u0000',
  'keys/\u017f',
  'leases/0123456789abcdef',
  'leases/0123456789abcdef/',
  'leases/../0',
  'tmp/x',
  '__proto__/x',
])('%j is not', (name) => {
  expect(isObjectName(name)).toBe(false)
})

test('no name holds anything that a file system or a URL would take for more than a name', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[a-z./0-9-]{1,100}$/)), (name) => {
      if (!isObjectName(name)) return
      expect(name).toMatch(/^[a-z0-9-]+(\/[a-z0-9-]+)+$/)
      expect(FOLDERS).toContain(name.split('/')[0])
    }),
  )
})

test('a name made from a digest holds that digest, in every folder', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...CONTENT_FOLDERS),
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      (folder, digest) => {
        const name = contentName(folder, digest)
        expect(isObjectName(name)).toBe(true)
        expect(digestInName(name)).toEqual(digest)
      },
    ),
  )
  expect(digestInName('config/1')).toBeUndefined()
  expect(digestInName(`keys/${HEX}`)).toBeUndefined()
})

test('whole folders can be listed, and nothing else', () => {
  const good = [
    '',
    'packs/',
    'packs/3f/',
    'config/',
    'holds/',
    'leases/',
    'leases/0123456789abcdef/',
  ]
  expect(good.filter((prefix) => !isListPrefix(prefix))).toEqual([])
  const bad = ['packs', 'packs/3', 'packs/3f', 'packs/3f/3f', 'tmp/', '/', '../', 'index/3f/']
  expect(bad.filter(isListPrefix)).toEqual([])
})

test('the folders of an object, outermost first', () => {
  expect(foldersOf(`packs/3f/${HEX}`)).toEqual(['packs', 'packs/3f'])
  expect(foldersOf('config/1')).toEqual(['config'])
  expect(folderOf(`packs/3f/${HEX}`)).toBe('packs/3f')
})
