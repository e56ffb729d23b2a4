// Whether two stores hold the same repository, as far as that shows without a key: what both have under a
// name that is not a SHA-256 (configs and keyrings, by generation) must be the same bytes.

import { equalBytes } from '../../base/bytes.ts'
import { CairnError, isCairnError } from '../../base/errors.ts'
import { isGrantName } from '../../repository/generations.ts'
import { forEachInParallel, UNREADABLE, WITHHELD } from '../../repository/object-problem.ts'
import type { ObjectInfo, Store } from '../../store/store.ts'
import { readSound } from './read-sound.ts'
import type { Survey } from './survey.ts'

const PARALLEL = 8

interface Stores {
  readonly source: Store
  readonly target: Store
}

/**
 * Throws 'no-repository' where the source has no config, 'object-foreign' where the target holds another
 * repository or one that cannot be seen to be the same. An empty target is fine.
 */
export async function expectSameRepository(
  stores: Stores,
  { source, target }: Pick<Survey, 'source' | 'target'>,
): Promise<void> {
  if (source.config.length === 0) throw noRepository(stores.source)
  let common = 0
  const generations = [...source.config, ...source.keys.filter(({ name }) => !isGrantName(name))]
  const both = generations.filter(({ name }) => target.has(name))
  await forEachInParallel(both, PARALLEL, async (info) => {
    if (await compare(stores, info)) common++
  })
  const hasConfig = [...target.keys()].some((name) => name.startsWith('config/'))
  if (hasConfig && common === 0) throw foreign(stores, 'they have no config in common')
}

/** False where the source does not give it out whole: copying tells of that. */
async function compare(stores: Stores, info: ObjectInfo): Promise<boolean> {
  const { name } = info
  const own = await readOrSkip(stores.source, info)
  if (own === undefined) return false
  const there = await stores.target.get(name, { last: own.length + 1 })
  if (equalBytes(own, there)) return true
  throw foreign(stores, `${name} is not the same in both`)
}

async function readOrSkip(source: Store, info: ObjectInfo) {
  try {
    return await readSound(source, info)
  } catch (error) {
    if (isCairnError(error, 'object-missing', ...UNREADABLE, ...WITHHELD)) return undefined
    throw error
  }
}

export function foreign({ source, target }: Stores, why: string): CairnError {
  return new CairnError(
    'object-foreign',
    `Cannot copy ${source.address}: at ${target.address} is another repository (${why})`,
    {
      hint:
        'Name an empty place, or a copy of this repository. Where it is one, a damaged disk may have ' +
        'changed that object in one of the two: compare them.',
    },
  )
}

function noRepository({ address }: Store): CairnError {
  return new CairnError('no-repository', `There is no repository at ${address}`, {
    hint: 'Check the address and that the disk is mounted.',
  })
}
