// Tags: a snapshot is never changed, so other tags make a new one that stands for it. It is confirmed as a
// backup's is (design, section 5, steps 3 to 8): what it needs is kept by the snapshot that it replaces,
// which therefore must still be listed after the new one is there.

import { type Bytes, utf8 } from '../base/bytes.ts'
import type { Clock } from '../base/clock.ts'
import { assert, CairnError } from '../base/errors.ts'
import { TAGS_MAX, TEXT_BYTES_MAX } from '../format/limits.ts'
import { SESSION_ID_BYTES } from '../format/snapshot.ts'
import { loadMarks } from '../repository/marks.ts'
import type { Repository } from '../repository/repository.ts'
import { openDetails, putReceipt, putSnapshot, type Snapshot } from '../repository/snapshots.ts'
import type { Random } from '../sealer/random.ts'
import { digestInName } from '../store/names.ts'

/** In this order: `set` takes the place of all, then some are added, then some taken away. */
export interface TagChange {
  readonly set?: readonly string[] | undefined
  readonly add?: readonly string[] | undefined
  readonly remove?: readonly string[] | undefined
}

export interface TagOptions {
  readonly repository: Repository
  readonly snapshot: Snapshot
  readonly change: TagChange
  readonly clock: Clock
  readonly random: Random
}

/**
 * Changes the tags of a snapshot and returns the name of the one that now stands for it; undefined where
 * nothing changes. Throws 'not-permitted' without keys to open and to sign, 'usage' on tags that
 * cannot be, and 'snapshot-unconfirmed' where the snapshot was removed meanwhile.
 */
export async function changeTags(options: TagOptions): Promise<string | undefined> {
  const { repository, snapshot, change, clock, random } = options
  const { domain, summary } = snapshot
  const details = openDetails(repository, snapshot)
  const tags = changedTags(details.tags, change)
  if (tags.join('\0') === details.tags.join('\0')) return undefined
  // Of its own: of one session another snapshot would explain that this one is gone.
  const sessionId = random(SESSION_ID_BYTES)
  const name = await putSnapshot(repository, {
    domain,
    summary: { ...summary, sessionId, replaces: hashOf(snapshot.name) },
    details: { ...details, tags },
  })
  await expectListed(options, snapshot.name)
  if (snapshot.confirmed) {
    const receipt = { snapshot: hashOf(name), sessionId, confirmedMs: clock.nowMs() }
    await putReceipt(repository, { domain, receipt })
  }
  await expectListed(options, name)
  return name
}

/** Sorted, each once. Throws 'usage'. */
export function changedTags(before: readonly string[], change: TagChange): readonly string[] {
  const tags = new Set([...(change.set ?? before), ...(change.add ?? [])])
  for (const tag of change.remove ?? []) tags.delete(tag)
  for (const tag of [...(change.set ?? []), ...(change.add ?? [])]) {
    if (tag === '' || tag.includes(',') || utf8(tag).length > TEXT_BYTES_MAX) {
      throw new CairnError(
        'usage',
        `'${tag.slice(0, 100)}' cannot be a tag: it is empty, too long or has a comma`,
      )
    }
  }
  if (tags.size > TAGS_MAX) throw new CairnError('usage', `A snapshot has at most ${TAGS_MAX} tags`)
  return [...tags].sort()
}

/** Marks first, then snapshots. */
async function expectListed({ repository, snapshot }: TagOptions, name: string): Promise<void> {
  const marked = await loadMarks(repository, snapshot.domain)
  let listed = false
  for await (const info of repository.store.list('snapshots/')) listed ||= info.name === name
  if (listed && !marked.snapshots.has(name)) return
  throw new CairnError(
    'snapshot-unconfirmed',
    `Cannot change the tags: ${name} was removed meanwhile`,
    {
      hint: 'Someone forgets or prunes snapshots at the same time. See `cairn snapshots`.',
    },
  )
}

function hashOf(name: string): Bytes {
  const hash = digestInName(name)
  assert(hash, 'a snapshot is named by its hash')
  return hash
}
