import { expect, test } from 'vitest'
import { utf8 } from '../../base/bytes.ts'
import { modeAtOnce } from './metadata-of.ts'

test('a file with extended attributes, which an ACL is among, gets its mode after them', () => {
  expect(modeAtOnce({ mode: 0o644, xattrs: undefined })).toBe(0o644)
  expect(modeAtOnce({ mode: 0o644, xattrs: [] })).toBe(0o644)
  const acl = { name: utf8('system.posix_acl_access'), value: utf8('user:bob:---') }
  expect(modeAtOnce({ mode: 0o644, xattrs: [acl] })).toBeUndefined()
})
