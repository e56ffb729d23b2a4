// The types of entries, as `cairn find --type` names them.

import type { EntryType } from '../format/tree.ts'
import type { SnapshotFlags } from './snapshot-options.ts'

export const FIND_TYPES = {
  file: ['file'],
  folder: ['directory'],
  link: ['symlink'],
  fifo: ['fifo'],
  device: ['char-device', 'block-device'],
} as const satisfies Record<string, readonly EntryType[]>

export interface FindFlags extends SnapshotFlags {
  readonly snapshot?: readonly string[]
  readonly ignoreCase?: boolean
  readonly type?: keyof typeof FIND_TYPES
  readonly long?: boolean
}
