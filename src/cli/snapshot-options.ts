// The options with which commands choose snapshots, and how they are understood.

import { type Command, InvalidArgumentError } from 'commander'
import { systemClock } from '../base/clock.ts'
import type { SnapshotFilter } from '../engine/select-snapshot.ts'
import { paths, text, texts } from './option-values.ts'
import { absolutePath, bytesOfArgument, recordedPath } from './raw-arguments.ts'
import { parseTime } from './times.ts'

export interface SnapshotFlags {
  readonly host?: string
  readonly source?: string
  readonly path?: readonly string[]
  readonly tag?: readonly string[]
  readonly at?: number
}

/** Adds --host, --source, --path, --tag and --at. */
export function addSnapshotOptions(command: Command): Command {
  return addFilterOptions(command).option(
    '--at <time>',
    "only snapshots begun by then: 2026-11-20, '2026-11-20 15:00', 3d",
    time,
  )
}

/** Those of them that do not go by what a machine's clock says. */
export function addFilterOptions(command: Command): Command {
  return command
    .option('--host <name>', 'only snapshots of this host', text)
    .option('--source <name>', 'only snapshots of this source', text)
    .option('--path <path>', 'only snapshots of this path (repeatable)', paths)
    .option('--tag <tag>', 'only snapshots with this tag (repeatable)', texts)
}

export function filterOf({ host, source, path, tag, at }: SnapshotFlags): SnapshotFilter {
  return {
    host,
    source,
    paths: path?.map((one) => recordedPath(absolutePath(bytesOfArgument(one)))),
    tags: tag,
    atMs: at,
  }
}

const ID_BEFORE_PATH = /^(?:snapshots\/)?[0-9a-f]{4,64}(?=:|$)/i

/** `SNAPSHOT` or `SNAPSHOT:PATH`: an id in capitals is the same id. */
export function place(value: string): string {
  return value.replace(ID_BEFORE_PATH, (id) => id.toLowerCase())
}

/** For options and arguments that name several. */
export function places(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, place(text(value))]
}

function time(value: string): number {
  const ms = parseTime(value, systemClock.nowMs())
  if (ms !== undefined) return ms
  throw new InvalidArgumentError("It is not like 2026-11-20, '2026-11-20 15:00' or 3d.")
}
