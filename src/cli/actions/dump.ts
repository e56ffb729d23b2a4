// `cairn dump`: a file, or a folder as an archive, to stdout or into a new file. Stdout then belongs to
// the data: what else there is to say goes to stderr, with --json as well.

import { type FileHandle, open } from 'node:fs/promises'
import { CairnError, isCairnError, messageOf } from '../../base/errors.ts'
import { type DumpOptions, type DumpResult, dump, type Sink } from '../../engine/dump.ts'
import { joinPath } from '../../engine/paths.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { openConfigured } from '../open-repository.ts'
import { jsonPath, printable, printableText } from '../printable.ts'
import { bytesOfArgument } from '../raw-arguments.ts'
import { formatBytes, formatNumber } from '../sizes.ts'
import type { SnapshotFlags } from '../snapshot-options.ts'
import { findSnapshot, parsePlace } from '../snapshot-place.ts'

export interface DumpFlags extends SnapshotFlags {
  readonly output?: string
  readonly format?: 'file' | 'tar'
}

type Flags = DumpFlags & { readonly place: string }

export async function dumpAction(context: Context, flags: Flags): Promise<ExitCode | undefined> {
  const { output, interruption } = context
  const { wanted, path } = parsePlace(flags.place)
  if (flags.output === undefined) takeStdout(context, { flags, isWhole: path === undefined })
  const opened = await openConfigured(context)
  const { repository } = opened
  const snapshot = await findSnapshot(context, { opened, wanted, flags })
  const options = {
    repository,
    snapshot,
    names: path ?? [],
    format: flags.format,
    signal: interruption.signal,
    onProblem: ({ names, error }) => {
      const where = joinPath(names)
      const what = messageOf(error)
      output.problem(`${printable(where)}: ${what}`, { ...jsonPath(where), what })
    },
  } satisfies Omit<DumpOptions, 'sink'>
  const result = await (flags.output === undefined
    ? dumpToStdout(context, options)
    : dumpToFile(flags.output, options))
  if (result === undefined) return undefined
  tell(context, { result, flags })
  output.event({ event: 'result', snapshot: snapshot.id, ...result })
  return result.problems > 0 ? EXIT.failed : undefined
}

function takeStdout(
  { output }: Context,
  { flags, isWhole }: { readonly flags: Flags; readonly isWhole: boolean },
): void {
  output.giveStdoutAway()
  if (!output.stdout.isTTY || (flags.format !== 'tar' && !isWhole)) return
  throw new CairnError('usage', 'Cannot write an archive to a terminal', {
    hint: 'Pipe it somewhere (`| tar -t`), or give --output FILE.',
  })
}

/** Undefined where whoever reads has read enough. */
async function dumpToStdout(
  { output }: Context,
  options: Omit<DumpOptions, 'sink'>,
): Promise<DumpResult | undefined> {
  const sink: Sink = (bytes) =>
    new Promise((resolve, reject) => {
      output.stdout.write(bytes, (error) => (error ? reject(new StdoutError(error)) : resolve()))
    })
  try {
    return await dump({ ...options, sink })
  } catch (error) {
    if (!(error instanceof StdoutError)) throw error
    if (error.code === 'EPIPE') return undefined
    throw new CairnError('target-unwritable', `Cannot write to stdout: ${error.message}`)
  }
}

class StdoutError extends Error {
  readonly code: unknown

  constructor(error: Error) {
    super(error.message, { cause: error })
    this.code = 'code' in error ? error.code : undefined
  }
}

async function dumpToFile(path: string, options: Omit<DumpOptions, 'sink'>): Promise<DumpResult> {
  const file = await createFile(path)
  try {
    const result = await dump({ ...options, sink: (bytes) => writeAll(file, bytes) })
    await file.sync()
    return result
  } catch (error) {
    if (isCairnError(error)) throw error
    throw new CairnError('target-unwritable', `Cannot write ${path}: ${messageOf(error)}`)
  } finally {
    await file.close()
  }
}

async function createFile(path: string): Promise<FileHandle> {
  try {
    return await open(Buffer.from(bytesOfArgument(path)), 'wx', 0o600)
  } catch (error) {
    throw new CairnError('target-unwritable', `Cannot make ${path}: ${messageOf(error)}`)
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    at += (await file.write(bytes, at, bytes.length - at)).bytesWritten
  }
}

function tell(
  { output }: Context,
  { result, flags }: { readonly result: DumpResult; readonly flags: Flags },
): void {
  if (flags.output !== undefined) {
    output.summary(`Wrote ${formatBytes(result.bytes)} to ${printableText(flags.output)}`)
  }
  if (result.problems === 0) return
  output.note(`${formatNumber(result.problems, 'problem')}: the archive is not complete.`)
}
