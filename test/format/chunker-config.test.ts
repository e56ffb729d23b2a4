// What the config says of cutting is what the chunker takes: the rooms `format` and `chunker` know nothing of
// each other.

import { expect, test } from 'vitest'
import {
  type ChunkerParameters,
  checkParameters,
  DEFAULT_PARAMETERS,
} from '../../src/chunker/parameters.ts'
import type { ChunkerConfig } from '../../src/format/config.ts'
import { openRepository } from '../../src/repository/repository.ts'
import { newRepository } from '../repositories/sample.ts'

/** Fails to compile where one gets a field that the other does not have. */
type Same<A, B> = [A, B] extends [B, A] ? true : never
const isSame: Same<Omit<ChunkerConfig, 'segmentBytes'>, ChunkerParameters> = true

test('a new repository cuts as the chunker does by default', async () => {
  expect(isSame).toBe(true)
  const { store, owner } = await newRepository()
  const { segmentBytes, ...bounds } = (await openRepository(store, owner)).config.chunker
  expect(bounds).toEqual(DEFAULT_PARAMETERS)
  expect(segmentBytes % bounds.maxBytes).toBe(0)
  checkParameters(bounds)
})
