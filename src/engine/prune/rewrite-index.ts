// The index after packs went (design, section 5, step 15): segments that name packs which are gone, and small
// ones where there are many, are replaced by segments that upkeep makes from the packs' own headers. Old ones
// go when the new ones are there and listings have had the time to show them. A kill at any point leaves an
// index that says the same: what a segment says of a pack that is not listed counts for nothing.

import { type Bytes, fromHex, toHex } from '../../base/bytes.ts'
import { segmentOfColumns } from '../../format/index-segment.ts'
import { readSegments } from '../../repository/index-load.ts'
import { groupsOf, putSegment } from '../../repository/index-write.ts'
import {
  type DescribedPack,
  type EncodedHeader,
  packsOfSegment,
} from '../../repository/pack-headers.ts'
import { upkeepSignatory } from '../../repository/upkeep-signatory.ts'
import { contentName } from '../../store/names.ts'
import type { DomainSurvey } from './survey.ts'

/** More small segments than this are put together: each costs who loads the index a request. */
const SMALL_SEGMENTS_MAX = 32
const SMALL_BLOBS = 65_536
const DAY_MS = 24 * 60 * 60 * 1000

interface Segment {
  readonly name: string
  readonly packs: readonly DescribedPack[]
  readonly blobs: number
  readonly supersedes: readonly Bytes[]
}

/** What is to be rewritten, and what may go when that is done. */
export interface IndexPlan {
  readonly packs: readonly DescribedPack[]
  /** Object names of the segments that go. */
  readonly replaced: readonly string[]
}

export interface RewriteOptions {
  /** Names of packs that were just removed. */
  readonly gone: ReadonlySet<string>
  /** Names of packs outside of marks of which something is needed. */
  readonly needed: ReadonlySet<string>
}

/** Rewrites what must be. Returns the names of segments that may go when listings have caught up. */
export async function rewriteIndex(
  survey: DomainSurvey,
  { gone, needed }: RewriteOptions,
): Promise<readonly string[]> {
  const { repository, domain } = survey
  const segments: Segment[] = []
  await readSegments(repository, {
    domains: [domain],
    onlyReading: true,
    take: ({ name, segment }) => {
      const packs = [...packsOfSegment(segmentOfColumns(segment))]
      const { supersedes } = segment
      segments.push({ name, packs, blobs: segment.ids.length / 32, supersedes })
    },
  })
  // One that is only not listed may have been put since.
  const isGone = (pack: string) =>
    gone.has(pack) || (survey.marked.packs.has(pack) && !survey.packs.has(pack))
  const { packs, replaced } = planIndex(segments, { isGone, needed, survey })
  const supersedes = replaced.map((name) => fromHex(name.slice('index/'.length)) as Bytes)
  const groups = groupsOf(packs)
  const signatory = upkeepSignatory(repository, domain)
  for (const group of groups) {
    const last = group === groups.at(-1)
    await putSegment(repository, {
      domain,
      signatory,
      packs: group,
      supersedes: last ? supersedes : [],
    })
  }
  return replaced
}

function planIndex(
  segments: readonly Segment[],
  {
    isGone,
    needed,
    survey,
  }: {
    readonly isGone: (pack: string) => boolean
    readonly needed: ReadonlySet<string>
    readonly survey: DomainSurvey
  },
): IndexPlan {
  const superseded = new Set(segments.flatMap(({ supersedes }) => supersedes.map(toHex)))
  const isOld = ({ name }: Segment) => superseded.has(name.slice('index/'.length))
  const current = segments.filter((segment) => !isOld(segment))
  const isStale = ({ packs }: Segment) => packs.some((pack) => isGone(nameOf(pack)))
  const small = current.filter((one) => !isStale(one) && one.blobs < SMALL_BLOBS)
  const rewritten = [
    ...current.filter(isStale),
    ...(small.length > SMALL_SEGMENTS_MAX ? small : []),
  ]
  const packs = new Map<string, DescribedPack>()
  for (const pack of rewritten.flatMap((segment) => segment.packs))
    if (!isGone(nameOf(pack))) packs.set(nameOf(pack), ownWord(pack, survey))
  for (const pack of unnamed(current, { needed, survey })) packs.set(nameOf(pack), pack)
  const replaced = [...rewritten, ...segments.filter(isOld)].map(({ name }) => name)
  const cameAt = (pack: DescribedPack) => survey.packs.get(nameOf(pack))?.storedAtMs ?? survey.nowMs
  return { packs: [...packs.values()].sort((a, b) => cameAt(a) - cameAt(b)), replaced }
}

/**
 * Needed packs that no segment names: whoever stored them was killed before that, or the segment is lost. What
 * came within a day may be of somebody at work, who names it.
 */
function unnamed(
  segments: readonly Segment[],
  { needed, survey }: { readonly needed: ReadonlySet<string>; readonly survey: DomainSurvey },
): readonly DescribedPack[] {
  const named = new Set(segments.flatMap(({ packs }) => packs.map(nameOf)))
  return survey.ownPacks
    .filter(({ name }) => needed.has(name) && !named.has(name))
    .filter(({ storedAtMs }) => survey.nowMs - storedAtMs > DAY_MS)
    .map(({ name }) => {
      const { indexed, header } = survey.headers.get(name) as EncodedHeader
      return { indexed, columns: header }
    })
}

/** What the pack says itself, where that could be read: whoever wrote the segment may have lied. */
function ownWord(pack: DescribedPack, { headers }: DomainSurvey): DescribedPack {
  const read = headers.get(nameOf(pack))
  return read === undefined ? pack : { indexed: read.indexed, columns: read.header }
}

function nameOf({ indexed }: DescribedPack): string {
  return contentName('packs', indexed.hash)
}
