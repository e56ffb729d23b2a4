// What a snapshot says of itself, and whether its writer may say so. Looked at before anything is read:
// a snapshot that readers would reject must not be found out after hours of uploading.

import { type Bytes, concat, equalBytes, fromUtf8Lossy, utf8 } from '../../base/bytes.ts'
import { CairnError, isCairnError } from '../../base/errors.ts'
import { decode, encode } from '../../format/codec.ts'
import { PROBLEMS_MAX, TEXT_BYTES_MAX } from '../../format/limits.ts'
import { certificateCodec, SIGNATURE_BYTES } from '../../format/signing.ts'
import { type Details, detailsCodec, type Problem, type Summary } from '../../format/snapshot.ts'
import { type Followed, nextSequence } from '../../repository/predecessor.ts'
import { sourceIdOf } from '../../repository/snapshots.ts'
import { digestInName } from '../../store/names.ts'
import type { BackupOptions } from './options.ts'
import type { Report, SourceProblem } from './report.ts'
import type { Root } from './scan.ts'

/** The first paths that were asked for are recorded, the first problems too: details have a bound. */
const PATHS_RECORDED_MAX = 1000
const PROBLEMS_BYTES_MAX = 1024 * 1024

export interface Described {
  readonly sessionId: Bytes
  readonly startedMs: number
  readonly previous: Followed | undefined
  readonly report: Report
  readonly pass: { readonly addedBytes: number; readonly addedStoredBytes: number }
  readonly root: Root
  readonly isCheckpoint: boolean
}

export function summaryOf(
  { domain, sourceName, program, clock }: BackupOptions,
  { report, pass, previous, sessionId, startedMs, root, isCheckpoint }: Described,
): Omit<Summary, 'detailsHash'> {
  const { files, folders, others, unreadable, sizeBytes } = report.counts
  const ending = isCheckpoint ? 'checkpoint' : unreadable > 0 ? 'incomplete' : 'complete'
  return {
    sourceId: sourceIdOf(domain, sourceName),
    roots: [root.tree],
    sequence: nextSequence(previous),
    predecessor: previous && digestInName(previous.follows),
    sessionId,
    startedMs,
    endedMs: clock.nowMs(),
    ending,
    files,
    folders,
    others,
    unreadable,
    sizeBytes,
    addedBytes: pass.addedBytes,
    addedStoredBytes: pass.addedStoredBytes,
    program,
    replaces: undefined,
    copyOf: undefined,
  }
}

export function detailsOf(
  { source, sourceName, host, user, tags }: BackupOptions,
  {
    report,
    root,
  }: { readonly report: Pick<Report, 'problems'>; readonly root: Pick<Root, 'entry'> },
): Details {
  const paths = source.kind === 'files' ? source.walk.roots : [concat([utf8('/'), source.name])]
  return {
    source: sourceName,
    host,
    user,
    paths: paths.slice(0, PATHS_RECORDED_MAX),
    tags,
    problems: boundedProblems(report.problems),
    root: root.entry,
    original: undefined,
  }
}

function boundedProblems(problems: readonly SourceProblem[]): readonly Problem[] {
  const bounded: Problem[] = []
  let bytes = 0
  for (const { path, what } of problems.slice(0, PROBLEMS_MAX)) {
    bytes += path.length + what.length
    if (bytes > PROBLEMS_BYTES_MAX) break
    bounded.push({ path, what: fromUtf8Lossy(utf8(what).subarray(0, TEXT_BYTES_MAX / 2)) })
  }
  return bounded
}

/** Throws 'not-permitted' or 'usage' where no reader would accept a snapshot with these options. */
export function checkMayWrite(options: BackupOptions): void {
  expectMayWriteFor(options)
  const details = detailsOf(options, { report: { problems: [] }, root: { entry: undefined } })
  try {
    decode(detailsCodec, encode(detailsCodec, details))
  } catch (error) {
    if (!isCairnError(error)) throw error
    throw new CairnError('usage', `Cannot record this in a snapshot: ${error.message}`, {
      hint: 'Are there too many tags, or is a name, tag or path very long?',
    })
  }
}

/** Throws 'not-permitted' where the certificate does not allow snapshots of this source or host. */
export function expectMayWriteFor({
  domain,
  sourceName,
  host,
}: Pick<BackupOptions, 'domain' | 'sourceName' | 'host'>): void {
  const body = domain.signatory.certificate.subarray(SIGNATURE_BYTES)
  const { sources, hosts } = decode(certificateCodec, body)
  const sourceId = sourceIdOf(domain, sourceName)
  if (sources !== undefined && !sources.some((source) => equalBytes(source, sourceId))) {
    throw notFor(`source "${sourceName}"`, 'Give the name that the key was made for with --source.')
  }
  if (hosts !== undefined && !hosts.includes(host)) {
    throw notFor(`host "${host}"`, `It may write for: ${hosts.join(', ')}`)
  }
}

function notFor(what: string, hint: string): CairnError {
  return new CairnError('not-permitted', `Not permitted: this key may not write for ${what}`, {
    hint,
  })
}
