// What is wrong with the index of a domain: segments that say other things of packs than these themselves,
// and packs that no good segment names. Presence is never taken from an index: the packs' own headers are
// what everything is measured by.

import { toHex } from '../../base/bytes.ts'
import { segmentOfColumns } from '../../format/index-segment.ts'
import type { DomainAccess } from '../../repository/access.ts'
import { readSegments } from '../../repository/index-load.ts'
import {
  columnsDigest,
  type DescribedPack,
  packsOfSegment,
  type ReadHeader,
} from '../../repository/pack-headers.ts'
import type { Repository } from '../../repository/repository.ts'
import { contentName } from '../../store/names.ts'

export interface IndexFaults {
  /** Names of segments that are intact and wrong. */
  readonly wrong: readonly string[]
  /** Packs that must be named anew. */
  readonly unnamed: readonly DescribedPack[]
}

interface SeenSegment {
  readonly name: string
  readonly supersedes: readonly string[]
  /** Names of the packs of which it says what is right. */
  readonly right: readonly string[]
  readonly isWrong: boolean
}

export async function findIndexFaults(
  repository: Repository,
  {
    domain,
    good,
  }: {
    readonly domain: DomainAccess
    /** The domain's packs that stay, unmarked, by name. */
    readonly good: ReadonlyMap<string, ReadHeader>
  },
): Promise<IndexFaults> {
  const segments: SeenSegment[] = []
  await readSegments(repository, {
    domains: [domain],
    onlyReading: true,
    take: ({ name, segment }) => {
      const packs = [...packsOfSegment(segmentOfColumns(segment))]
      segments.push({ name, ...compare(packs, good), supersedes: segment.supersedes.map(toHex) })
    },
  })
  const trusted = segments.filter(({ isWrong }) => !isWrong)
  const superseded = new Set(trusted.flatMap(({ supersedes }) => supersedes))
  const current = trusted.filter(({ name }) => !superseded.has(name.slice('index/'.length)))
  const named = new Set(current.flatMap(({ right }) => right))
  const unnamed = [...good].filter(([name]) => !named.has(name)).map(([, read]) => describe(read))
  const wrong = segments.filter(({ isWrong }) => isWrong).map(({ name }) => name)
  return { wrong: wrong.sort(), unnamed }
}

/** Of packs that are not there, or damaged, nobody can say whether it is right. */
function compare(
  packs: readonly DescribedPack[],
  good: ReadonlyMap<string, ReadHeader>,
): Pick<SeenSegment, 'right' | 'isWrong'> {
  const known = packs.flatMap((pack) => {
    const name = contentName('packs', pack.indexed.hash)
    const read = good.get(name)
    return read === undefined
      ? []
      : [{ name, isRight: digestOf(pack) === digestOf(describe(read)) }]
  })
  const right = known.filter(({ isRight }) => isRight).map(({ name }) => name)
  return { right, isWrong: right.length < known.length }
}

function digestOf({ indexed, columns }: DescribedPack): string {
  return toHex(columnsDigest(indexed, columns))
}

function describe({ indexed, header }: ReadHeader): DescribedPack {
  const { sessions, frames, ids } = header
  return { indexed, columns: { sessions, frames, ids } }
}
