// Before a copy is made, by whoever has a key at hand that may: in the copy all objects are of today, and only
// what upkeep has written down says when a store first had each snapshot. Copying itself needs no key, so nobody
// is asked for one, and what goes wrong here keeps nothing from being copied.

import { hostname } from 'node:os'
import { CairnError, isCairnError, messageOf } from '../base/errors.ts'
import { sight } from '../engine/sight.ts'
import { catalogIn } from './catalog-file.ts'
import type { Context } from './context.ts'
import { keptCredential } from './default-repository.ts'
import { openConfigured } from './open-repository.ts'
import { loadState } from './repository-state.ts'

export async function sightSource(context: Context): Promise<void> {
  if (!isKeyAtHand(context)) return
  try {
    await sightWithKey(context)
  } catch (error) {
    if (!(error instanceof CairnError)) throw error
    // Keys of writers, and disks that are mounted read-only: so it is meant. What is no repository sync says itself.
    if (isCairnError(error, 'not-permitted', 'store-unwritable', 'no-repository'))
      tellNothing(context, error)
    else warn(context, messageOf(error))
  }
}

function isKeyAtHand(context: Context): boolean {
  const { isConfigured, secret } = context.settings
  return secret !== undefined || (!isConfigured && keptCredential(context) !== undefined)
}

async function sightWithKey(context: Context): Promise<void> {
  const { clock, random, settings, output } = context
  const { repository, cacheFolder } = await openConfigured(context)
  const refusals = await sight({
    repository,
    rememberedMs: loadState(context, settings.address)?.storeTimeMs,
    catalog: catalogIn(context, cacheFolder),
    host: hostname(),
    clock,
    random,
    onWarning: (error) => output.warning('lease', messageOf(error)),
  })
  for (const { what } of refusals) warn(context, what)
}

function warn({ output }: Context, why: string): void {
  const text = `${NOT_WRITTEN}, and new ones look in the copy as if they came today: ${why}`
  output.warning('sightings', text)
}

function tellNothing({ output }: Context, error: CairnError): void {
  output.detail(`${NOT_WRITTEN}: ${error.message}`)
}

const NOT_WRITTEN = 'When the source received its snapshots was not written down'
