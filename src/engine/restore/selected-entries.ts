// The entries of a snapshot that a restore is to bring back, and where each goes. What is done with them
// (restored, only planned, compared) is others' business.

import { type Bytes, equalBytes } from '../../base/bytes.ts'
import { type CairnError, isCairnError } from '../../base/errors.ts'
import type { BlobId } from '../../format/ids.ts'
import type { Entry } from '../../format/tree.ts'
import { WITHHELD } from '../../repository/object-problem.ts'
import type { BlobReader } from '../blob-reader.ts'
import { flattened, Into, type Nested } from '../nesting.ts'
import { entriesOf } from '../tree-reader.ts'
import { isWhole, type ReadFolder } from './others.ts'
import type { Selection, Wanted } from './selection.ts'

const PASSED_OVER = ['object-missing', 'object-damaged', 'unsupported', ...WITHHELD] as const

export interface SelectedEntry {
  /** Names of the folder in the target. */
  readonly folder: readonly Bytes[]
  readonly entry: Entry
  /** 'inside': a folder that is made only if something in it is. */
  readonly wanted: Exclude<Wanted, 'no'>
}

export interface SelectedOptions {
  readonly reader: BlobReader
  readonly selection: Selection
  readonly tree: BlobId
  readonly wanted: Wanted
  /** Where only one entry of the first folder is wanted. */
  readonly only: Bytes | undefined
  readonly folder: readonly Bytes[]
  /** Told of each folder that is wanted as a whole, after all that is in it. */
  readonly onWhole?: ((folder: ReadFolder) => void) | undefined
  /** Told of each folder of which not all can be read. */
  readonly onUnreadable: (folder: readonly Bytes[], error: CairnError) => void
}

/** Every folder comes before what is in it. Goes on past folders of which a node cannot be read. */
export function selectedEntries(
  options: SelectedOptions,
): AsyncGenerator<SelectedEntry, undefined> {
  return flattened(selectedIn(options))
}

async function* selectedIn(options: SelectedOptions): Nested<SelectedEntry, undefined> {
  const { reader, selection, tree, wanted: folderWanted, only, folder, onWhole } = options
  const names: Bytes[] = []
  try {
    for await (const entry of entriesOf(reader, tree, folder.length)) {
      if (only !== undefined && !equalBytes(entry.name, only)) continue
      if (onWhole !== undefined) names.push(entry.name)
      const path = [...folder, entry.name]
      const wanted = selection.wants(path, { isDirectory: entry.tree !== undefined, folderWanted })
      if (wanted === 'no') continue
      yield { folder, entry, wanted }
      if (entry.tree !== undefined)
        yield new Into(
          selectedIn({ ...options, tree: entry.tree, wanted, only: undefined, folder: path }),
        )
    }
    if (isWhole({ wanted: folderWanted, only })) onWhole?.({ path: folder, names })
  } catch (error) {
    if (!isCairnError(error, ...PASSED_OVER)) throw error
    options.onUnreadable(folder, error)
  }
  return undefined
}
