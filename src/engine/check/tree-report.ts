// What is wrong with the trees of a domain, as problems and notes with the packs that hold them.

import { type Bytes, toHex } from '../../base/bytes.ts'
import type { BlobId } from '../../format/ids.ts'
import type { Index } from '../../repository/index-load.ts'
import type { BlobReader } from '../blob-reader.ts'
import { findLinkFaults, type LinkFault, linkFaultKey } from './link-faults.ts'
import { nodeReader } from './node-reader.ts'
import type { OpenedSnapshot } from './opened-objects.ts'
import type { Findings } from './problems.ts'
import type { RefGraph } from './ref-graph.ts'
import type { TreeFacts } from './tree-facts.ts'
import { findTreeFaults } from './tree-faults.ts'

export interface TreeReportOptions {
  readonly index: Index
  readonly facts: TreeFacts
  readonly graph: RefGraph
  readonly reader: BlobReader
  readonly snapshots: readonly OpenedSnapshot[]
  readonly findings: Findings
}

export async function reportTrees(options: TreeReportOptions): Promise<void> {
  const { facts, findings } = options
  const sources = { ...options, read: nodeReader(options) }
  for (const { blob, what, snapshots, paths } of await findTreeFaults(sources)) {
    const affected = { snapshots: [...snapshots], paths: [...paths.values()] }
    findings.add({ kind: 'malformed', ...placeOf(options, blob, what), ...affected })
  }
  const links = await findLinkFaults({ ...sources, changing: facts.links.changing() })
  const groups = Map.groupBy(links, linkFaultKey)
  for (const faults of groups.values()) reportLink(options, faults)
}

/**
 * A file that changes while it is backed up may have one name as it was last time and another as it is: then
 * each name is restored as a file by itself, and nothing is lost. No file changes into one of another
 * type.
 */
function reportLink(options: TreeReportOptions, faults: readonly LinkFault[]): void {
  const { blob, paths, ofOneType } = faults[0] as LinkFault
  const { findings } = options
  const affected: { snapshots: readonly string[]; paths: readonly Bytes[] } = {
    snapshots: faults.map(({ snapshot }) => snapshot),
    paths,
  }
  if (ofOneType) {
    const { object, what } = placeOf(options, blob, CHANGED_FILE)
    findings.note(object, what, affected)
  } else findings.add({ kind: 'malformed', ...placeOf(options, blob, OTHER_TYPE), ...affected })
}

function placeOf({ index }: TreeReportOptions, blob: BlobId, what: string) {
  const id = toHex(blob)
  const pack = index.image.locate(blob)?.pack
  const object = (pack === undefined ? undefined : index.packs[pack]?.name) ?? id
  return { object, what: `${what} (in node ${id.slice(0, 16)})` }
}

const CHANGED_FILE =
  'names of one file differ: it changed while it was backed up, and is restored as several'
const OTHER_TYPE = 'names of one file are of different types'
