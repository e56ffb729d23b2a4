// Arbitrary values of what a copy embeds of its original.

import fc from 'fast-check'
import type { Original } from '../../src/format/snapshot.ts'

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const some = fc.uint8Array({ maxLength: 50 })

export const original: fc.Arbitrary<Original> = fc.record({
  repositoryId: bytes(32),
  ownerVerifyKey: bytes(32),
  prefix: bytes(32),
  envelope: some,
  object: fc.option(some, { nil: undefined }),
})
