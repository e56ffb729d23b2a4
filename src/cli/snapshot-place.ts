// `SNAPSHOT` and `SNAPSHOT:PATH` on the command line, and finding what they name.

import type { Bytes } from '../base/bytes.ts'
import { CairnError } from '../base/errors.ts'
import { findAmongFacts } from '../engine/find-snapshot.ts'
import { splitPath } from '../engine/paths.ts'
import { selectSnapshot } from '../engine/select-snapshot.ts'
import type { Repository } from '../repository/repository.ts'
import { loadSnapshotFacts } from '../repository/snapshot-facts.ts'
import {
  loadSnapshots,
  openDetails,
  type Snapshot,
  type SnapshotList,
} from '../repository/snapshots.ts'
import { catalogIn } from './catalog-file.ts'
import type { Context } from './context.ts'
import { noticeMissing } from './newest-known.ts'
import type { Opened } from './open-repository.ts'
import { printableText } from './printable.ts'
import { bytesOfArgument } from './raw-arguments.ts'
import { warnOfSkipped } from './skipped-objects.ts'
import { filterOf, type SnapshotFlags } from './snapshot-options.ts'
import { shortId, shownPaths } from './snapshot-text.ts'
import { formatTime } from './times.ts'

export interface Place {
  readonly wanted: string
  /** Names below the root; undefined where no path was given. */
  readonly path: readonly Bytes[] | undefined
}

/** Throws 'usage' where a path is announced and missing: mostly a variable of the shell that is empty. */
export function parsePlace(text: string): Place {
  const colon = text.indexOf(':')
  if (colon === -1) return { wanted: text, path: undefined }
  const path = text.slice(colon + 1)
  if (path === '') {
    throw new CairnError('usage', `There is no path behind the colon of '${printableText(text)}'`, {
      hint: `Leave out the colon, or write \`${printableText(text)}/\`, for all of the snapshot.`,
    })
  }
  return { wanted: text.slice(0, colon), path: splitPath(bytesOfArgument(path)) }
}

/** All snapshots that can be read, and which are not for this key; says which are damaged. */
export async function loadKnownSnapshots(
  context: Context,
  repository: Repository,
  { withReplaced = false }: { readonly withReplaced?: boolean } = {},
): Promise<SnapshotList> {
  const known = await loadSnapshots(repository, {
    onlyReading: true,
    verifyDetails: true,
    withReplaced,
  })
  warnOfSkipped(context.output, known.problems)
  return known
}

/** The snapshot that is meant; says which one it is, where that was left to us. */
export async function findSnapshot(
  context: Context,
  options: {
    readonly opened: Opened
    readonly wanted: string
    readonly flags: SnapshotFlags
  },
): Promise<Snapshot> {
  const { wanted, flags } = options
  const { repository, cacheFolder } = options.opened
  const asked = { repository, wanted, filter: filterOf(flags) }
  const facts = await loadSnapshotFacts(repository, catalogIn(context, cacheFolder))
  await noticeMissing(context, repository, facts)
  const found = await findAmongFacts({ ...asked, snapshots: facts.snapshots })
  if (found.snapshot !== undefined)
    warnOfSkipped(context.output, [...facts.problems, ...found.problems])
  // Why there is none, or which of several it is, only all of them together tell.
  const snapshot =
    found.snapshot ?? selectSnapshot(await loadKnownSnapshots(context, repository), asked)
  if (wanted.startsWith('latest')) context.output.note(introduction(repository, snapshot))
  if (!snapshot.confirmed) {
    const text = `Snapshot ${shortId(snapshot.id)} was never confirmed: parts of it may be missing`
    context.output.warning('snapshot-unconfirmed', text)
  }
  return snapshot
}

function introduction(repository: Repository, snapshot: Snapshot): string {
  const at = `Snapshot ${shortId(snapshot.id)} of ${formatTime(snapshot.summary.startedMs)}`
  if (!snapshot.domain.canOpen) return at
  const { host, paths } = openDetails(repository, snapshot)
  return `${at}: ${printableText(host)}, ${shownPaths(paths)}`
}
