// `cairn backup`: from the command line to the engine, and from its result to the exit code.

import { hostname, userInfo } from 'node:os'
import { type Bytes, utf8 } from '../../base/bytes.ts'
import { CairnError, isCairnError } from '../../base/errors.ts'
import type {
  BackupOptions,
  BackupResult,
  FileSource,
  StdinSource,
} from '../../engine/backup/options.ts'
import { SourceSize } from '../../engine/backup/source-size.ts'
import { backup } from '../../engine/backup.ts'
import { changedTags } from '../../engine/tag.ts'
import { isLegalName } from '../../format/tree.ts'
import { selectDomain } from '../../repository/repository.ts'
import { ownFoldersIn, patternForPath, patternsOf, refuseRepository } from '../backup-excludes.ts'
import { backupPaths, expectOneThere, noteLinks } from '../backup-paths.ts'
import { showBackupProgress, tellBackup, tellSourceProblem, tellWarning } from '../backup-report.ts'
import { sourceOfList, sourceOfPaths, sourceOfStdin } from '../backup-source.ts'
import { catalogIn } from '../catalog-file.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { keepSize, lastSize } from '../last-sizes.ts'
import { noticeAfterBackup } from '../newest-known.ts'
import { type Opened, openConfigured } from '../open-repository.ts'
import { type MemoryUse, workersFor } from '../option-values.ts'
import { printable } from '../printable.ts'
import { programName } from '../program-version.ts'
import { Progress } from '../progress.ts'
import { bytesOfArgument } from '../raw-arguments.ts'
import { isLocal } from '../store.ts'
import { keepRoom } from '../upkeep.ts'

export interface BackupFlags {
  readonly exclude?: readonly string[]
  readonly excludeFile?: readonly string[]
  readonly excludeCaches?: boolean
  readonly excludeLargerThan?: number
  readonly oneFileSystem?: boolean
  readonly filesFrom?: string
  readonly filesFrom0?: string
  readonly stdin?: boolean
  readonly stdinFilename?: string
  readonly source?: string
  readonly tag?: readonly string[]
  readonly host?: string
  readonly dryRun?: boolean
  readonly skipIfUnchanged?: boolean
  readonly ignoreCtime?: boolean
  readonly ignoreInode?: boolean
  readonly compression: number | 'auto' | 'off'
  readonly workers?: number
  readonly memory: MemoryUse
  readonly readRate?: number
}

const MEBI = 1024 ** 2
const UPLOAD_BYTES_MAX = { low: 20 * MEBI, normal: 80 * MEBI }
const STDIN_NAME = 'stdin'
const CHECKPOINT_MS = 60 * 60 * 1000

type Flags = BackupFlags & { readonly paths: readonly string[] }

export async function backupAction(context: Context, flags: Flags): Promise<ExitCode | undefined> {
  checkStdin(context, flags)
  const what = whatToBackUp(context, flags)
  const opened = await openConfigured(context, {
    createDefault: flags.dryRun !== true,
    beforeCreating: () => {
      if (what.source.kind === 'files') expectOneThere(what.paths)
    },
  })
  const source = leavingOutOwn(context, what.source, opened)
  const progress = new Progress(context)
  const lastBytes = lastSize(opened.cacheFolder, what.name)
  const size = lastBytes === undefined ? sizeForPeople(context, source) : undefined
  const result = await run({
    ...optionsOf(context, { flags, opened }),
    source,
    sourceName: what.name,
    onProgress: (counts) =>
      showBackupProgress(progress, { counts, totalBytes: lastBytes ?? size?.bytes }),
  }).finally(async () => {
    progress.end()
    await size?.stop()
  })
  const { repository, cacheFolder } = opened
  const { dryRun = false } = flags
  if (!dryRun) {
    keepSize(cacheFolder, { source: what.name, bytes: result.counts.sizeBytes })
    await keepRoom(context, repository.store)
  }
  const domain = selectDomain(repository)
  await noticeAfterBackup(context, { opened, domain, sourceName: what.name, result })
  tellBackup(context, { result, repository, paths: what.paths, dryRun })
  return result.counts.unreadable > 0 ? EXIT.incomplete : undefined
}

/** What the bar of a first backup is measured by, where somebody sees it. */
function sizeForPeople(
  { output }: Context,
  source: FileSource | StdinSource,
): SourceSize | undefined {
  const isSeen = output.isTerminal && !output.quiet && !output.json
  return isSeen && source.kind === 'files' ? new SourceSize(source.walk) : undefined
}

async function run(options: BackupOptions): Promise<BackupResult> {
  try {
    return await backup(options)
  } catch (error) {
    if (!isCairnError(error, 'interrupted')) throw error
    throw new CairnError('interrupted', 'Interrupted: no snapshot was made', {
      hint: 'What has been stored is kept: run the same command again, and it goes on from there.',
      cause: error,
    })
  }
}

/** Only one thing can come from stdin, and only that has a name to give. */
function checkStdin({ settings }: Context, flags: Flags): void {
  const { stdin, stdinFilename, filesFrom, filesFrom0 } = flags
  const { secret } = settings
  if (stdin !== true && stdinFilename !== undefined) {
    throw new CairnError('usage', '--stdin-filename is for --stdin, which is not given', {
      hint: 'Add --stdin to save what comes on stdin, or leave the name out.',
    })
  }
  const takers = [
    stdin === true ? '--stdin' : undefined,
    filesFrom === '-' ? '--files-from' : undefined,
    filesFrom0 === '-' ? '--files-from0' : undefined,
    secret?.kind !== 'command' && secret?.kind !== 'text' && secret?.path === '-'
      ? 'the passphrase file'
      : undefined,
  ].filter((taker) => taker !== undefined)
  if (takers.length > 1) throw new CairnError('usage', `${takers.join(' and ')} both want stdin`)
  if (stdin !== true || !process.stdin.isTTY) return
  throw new CairnError('usage', 'Cannot back up stdin: it is a terminal', {
    hint: 'Pipe something into it: `pg_dump shop | cairn backup --stdin`.',
  })
}

interface What {
  readonly source: FileSource | StdinSource
  /** The source's stable name. */
  readonly name: string
  /** For people. */
  readonly paths: readonly Bytes[]
}

function whatToBackUp({ output }: Context, flags: Flags): What {
  const host = flags.host ?? hostname()
  if (flags.stdin === true) {
    const { filename, source } = stdinSource(flags)
    const name = flags.source ?? sourceOfStdin(host, filename)
    return { source, name, paths: [utf8(filename)] }
  }
  const roots = backupPaths(flags)
  noteLinks(roots, output)
  const list = flags.filesFrom ?? flags.filesFrom0
  const usual = list === undefined ? sourceOfPaths(host, roots) : sourceOfList(host, list)
  return { source: fileSource(flags, roots), name: flags.source ?? usual, paths: roots }
}

function stdinSource(flags: Flags): { filename: string; source: StdinSource } {
  const filename = flags.stdinFilename ?? STDIN_NAME
  const name = bytesOfArgument(filename)
  if (flags.paths.length > 0 || flags.filesFrom !== undefined || flags.filesFrom0 !== undefined) {
    throw new CairnError('usage', '--stdin saves stdin alone: leave the paths out')
  }
  if (isLegalName(name)) return { filename, source: { kind: 'stdin', fd: 0, name } }
  throw new CairnError('usage', `'${filename}' cannot be the name of a file`, {
    hint: 'Give --stdin-filename a name without a slash.',
  })
}

function fileSource(flags: Flags, roots: readonly Bytes[]): FileSource {
  const { excludeLargerThan } = flags
  return {
    kind: 'files',
    walk: {
      roots,
      patterns: patternsOf(flags),
      ignoreFiles: true,
      caches: flags.excludeCaches ?? false,
      oneFileSystem: flags.oneFileSystem ?? false,
      ...(excludeLargerThan !== undefined && { largerThanBytes: excludeLargerThan }),
    },
  }
}

/** What Cairn writes while it runs stays out: last, so that it decides. */
function leavingOutOwn(
  { places, output }: Context,
  source: FileSource | StdinSource,
  { repository }: Opened,
): FileSource | StdinSource {
  if (source.kind === 'stdin') return source
  const { walk } = source
  const { address } = repository.store
  const local = isLocal(address)
  if (local) refuseRepository(walk.roots, address)
  const own = ownFoldersIn(walk.roots, [
    ...(local ? [{ what: 'the repository', path: address }] : []),
    { what: "Cairn's cache", path: places.cache },
  ])
  for (const { what, path } of own) output.note(`Leaving out ${what}, ${path}.`)
  const patterns = [...(walk.patterns ?? []), ...own.map(({ path }) => patternForPath(path))]
  return { ...source, walk: { ...walk, patterns } }
}

type Usual = Omit<BackupOptions, 'source' | 'sourceName' | 'onProgress'>

function optionsOf(
  context: Context,
  { flags, opened }: { readonly flags: Flags; readonly opened: Opened },
): Usual {
  const { output, clock, random, interruption } = context
  const { repository, cacheFolder } = opened
  return {
    repository,
    domain: selectDomain(repository),
    host: flags.host ?? hostname(),
    user: userName(),
    tags: changedTags([], { add: flags.tag }),
    program: programName(),
    workers: workersFor(flags),
    uploadBytesMax: UPLOAD_BYTES_MAX[flags.memory],
    level: flags.compression,
    readBytesPerSecond: flags.readRate ?? 0,
    ignoreCtime: flags.ignoreCtime ?? false,
    ignoreInode: flags.ignoreInode ?? false,
    skipIfUnchanged: flags.skipIfUnchanged ?? false,
    dryRun: flags.dryRun ?? false,
    checkpointMs: CHECKPOINT_MS,
    cacheFolder,
    catalog: catalogIn(context, cacheFolder),
    clock,
    random,
    signal: interruption.signal,
    onWarning: (error) => tellWarning(output, { error, cacheFolder }),
    onProblem: (problem) => tellSourceProblem(output, problem),
    onSkipped: (path, reason) => output.detail(`left out (${reason}): ${printable(path)}`),
  }
}

/** A user id without a name is normal in containers. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return String(process.getuid?.() ?? '')
  }
}
