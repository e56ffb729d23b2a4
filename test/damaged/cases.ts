// The corpus: repositories named for what is wrong with them, what check reports, what can still be read, and
// what a repair makes of them. For whoever must cope with damage: iterate over it.

import type { ErrorCode } from '../../src/base/errors.ts'
import type { Make } from './make/damage.ts'
import * as index from './make/index.ts'
import * as junk from './make/junk.ts'
import * as lengths from './make/lengths.ts'
import * as packs from './make/packs.ts'
import * as snapshots from './make/snapshots.ts'
import * as trees from './make/trees.ts'

/** What can be seen: problems by `linesOf`, and files by `unreadable`. */
export interface Seen {
  readonly check: readonly string[]
  readonly unreadable: Readonly<Record<string, readonly string[]>>
}

export interface DamagedCase {
  readonly name: string
  readonly make: Make
  /** Before any repair. */
  readonly damaged: Seen
  /** Why it does not open without a copy. */
  readonly closed?: ErrorCode
  /** By itself; left out where it does not open. */
  readonly repaired?: Seen
  /** With --mark-lost after that, where it makes a difference. */
  readonly givenUp?: Seen
  /** From a copy that is whole. */
  readonly fromCopy: Seen
}

const WHOLE: Seen = { check: [], unreadable: {} }
const EVERYTHING = ['everything']
const SMALL_FILES = ['a.txt', 'folder/b.txt', 'folder/inner/c.bin']
/** What is in the data pack of the first backup. */
const OF_FIRST = { 'snapshot 1': EVERYTHING, 'snapshot 2': [...SMALL_FILES, 'large.bin'] }
/** What is in the last frame of that pack. */
const OF_LAST_FRAME = { 'snapshot 1': SMALL_FILES, 'snapshot 2': SMALL_FILES }
const LARGE = { 'snapshot 1': ['large.bin'], 'snapshot 2': ['large.bin'] }
const LOST = ['lost: another in losses/']

const only = (...check: readonly string[]): Seen => ({ check, unreadable: {} })

/** It can be read, and the repair makes it whole by itself. */
const curable = (...check: readonly string[]): Omit<DamagedCase, 'name' | 'make'> => ({
  damaged: only(...check),
  repaired: WHOLE,
  fromCopy: WHOLE,
})

/** Nothing is wrong that anybody would have to repair. */
const harmless = curable()

const missing = (
  object: string,
  unreadable: Seen['unreadable'],
): Omit<DamagedCase, 'name' | 'make'> => {
  const seen = { check: [object], unreadable }
  const givenUp = { check: LOST, unreadable }
  return { damaged: seen, repaired: seen, givenUp, fromCopy: WHOLE }
}

const PACKS: readonly DamagedCase[] = [
  {
    name: 'missing-pack',
    make: packs.missingPack,
    ...missing('missing: data-pack 1', OF_FIRST),
  },
  {
    name: 'missing-tree-pack',
    make: packs.missingTreePack,
    ...missing('missing: tree-pack 2', { 'snapshot 2': EVERYTHING }),
  },
  {
    name: 'truncated-pack',
    make: packs.truncatedPack,
    damaged: {
      check: ['damaged: data-pack 1', 'mismatch: data-pack 1'],
      unreadable: OF_FIRST,
    },
    // The frames before the cut are found by the index.
    repaired: { check: ['missing: data-pack 1'], unreadable: OF_LAST_FRAME },
    givenUp: { check: LOST, unreadable: OF_LAST_FRAME },
    fromCopy: WHOLE,
  },
  {
    name: 'empty-pack',
    make: packs.emptyPack,
    damaged: {
      check: ['damaged: data-pack 1', 'mismatch: data-pack 1'],
      unreadable: OF_FIRST,
    },
    repaired: { check: ['missing: data-pack 1'], unreadable: OF_FIRST },
    givenUp: { check: LOST, unreadable: OF_FIRST },
    fromCopy: WHOLE,
  },
  {
    name: 'flipped-bit-in-header',
    make: packs.flippedBitInHeader,
    ...curable('damaged: data-pack 1'),
  },
  {
    name: 'flipped-bit-in-trailer',
    make: packs.flippedBitInTrailer,
    ...curable('damaged: data-pack 1'),
  },
  {
    name: 'flipped-bit-in-prefix',
    make: packs.flippedBitInPrefix,
    ...curable('damaged: data-pack 1', 'foreign: data-pack 1'),
  },
  {
    name: 'flipped-bit-in-padding',
    make: packs.flippedBitInPadding,
    ...curable('damaged: data-pack 2'),
  },
  {
    name: 'flipped-bit-in-frame',
    make: packs.flippedBitInFrame,
    damaged: { check: ['damaged: data-pack 1'], unreadable: OF_LAST_FRAME },
    repaired: { check: ['missing: data-pack 1'], unreadable: OF_LAST_FRAME },
    givenUp: { check: LOST, unreadable: OF_LAST_FRAME },
    fromCopy: WHOLE,
  },
  {
    name: 'flipped-bit-in-large-frame',
    make: packs.flippedBitInLargeFrame,
    damaged: { check: ['damaged: data-pack 1'], unreadable: LARGE },
    repaired: { check: ['missing: data-pack 1'], unreadable: LARGE },
    givenUp: { check: LOST, unreadable: LARGE },
    fromCopy: WHOLE,
  },
  {
    name: 'flipped-bit-in-tree',
    make: packs.flippedBitInTree,
    damaged: { check: ['damaged: tree-pack 1'], unreadable: { 'snapshot 1': EVERYTHING } },
    repaired: { check: ['missing: tree-pack 1'], unreadable: { 'snapshot 1': EVERYTHING } },
    givenUp: { check: LOST, unreadable: { 'snapshot 1': EVERYTHING } },
    fromCopy: WHOLE,
  },
  {
    name: 'flipped-bit-in-header-and-no-index',
    make: packs.flippedBitInHeaderAndNoIndex,
    damaged: {
      check: ['damaged: data-pack 1', 'unresolved: a blob'],
      unreadable: OF_FIRST,
    },
    repaired: { check: ['unresolved: a blob'], unreadable: OF_FIRST },
    givenUp: { check: LOST, unreadable: OF_FIRST },
    fromCopy: WHOLE,
  },
  {
    name: 'folder-in-place-of-a-pack',
    make: packs.folderInPlaceOfPack,
    ...missing('missing: data-pack 1', OF_FIRST),
  },
  {
    name: 'link-in-place-of-a-pack',
    make: packs.linkInPlaceOfPack,
    ...missing('missing: data-pack 1', OF_FIRST),
  },
]

const INDEX: readonly DamagedCase[] = [
  { name: 'missing-index', make: index.missingIndex, ...harmless },
  { name: 'damaged-index', make: index.damagedIndex, ...curable('damaged: index 1') },
  { name: 'stale-index', make: index.staleIndex, ...harmless },
  {
    name: 'wrong-index',
    make: index.wrongIndex,
    damaged: {
      check: ['mismatch: another in index/', 'unresolved: a blob'],
      unreadable: OF_FIRST,
    },
    repaired: WHOLE,
    fromCopy: WHOLE,
  },
  { name: 'duplicate-index', make: index.duplicateIndex, ...harmless },
]

/** What may still say what must be kept stays until it is given up. */
const kept = (label: string): DamagedCase => ({
  name: `damaged-${label.replace(/'s /, '-').replace(/ .*/, '')}`,
  make: snapshots.flipped(label),
  damaged: only(`damaged: ${label}`),
  repaired: only(`damaged: ${label}`),
  givenUp: WHOLE,
  fromCopy: WHOLE,
})

const idle = (label: string): DamagedCase => ({
  name: `damaged-${label.replace(/ .*/, '')}`,
  make: snapshots.flipped(label),
  ...curable(`damaged: ${label}`),
})

const damagedSnapshot = (number: number): DamagedCase => {
  const unreadable = { [`snapshot ${number}`]: EVERYTHING }
  const seen = { check: [`damaged: snapshot ${number}`], unreadable }
  return {
    name: `damaged-snapshot-${number}`,
    make: snapshots.flipped(`snapshot ${number}`),
    damaged: seen,
    repaired: seen,
    givenUp: { check: [], unreadable },
    fromCopy: WHOLE,
  }
}

const damagedReceipt = (number: number): DamagedCase => ({
  name: `damaged-receipt-${number}`,
  make: snapshots.flipped(`receipt ${number}`),
  damaged: {
    check: [`damaged: receipt ${number}`],
    unreadable: { [`snapshot ${number} (unconfirmed)`]: [] },
  },
  repaired: WHOLE,
  fromCopy: WHOLE,
})

const RECORDS: readonly DamagedCase[] = [
  {
    name: 'snapshot-without-its-packs',
    make: snapshots.snapshotWithoutItsPacks,
    ...missing('unresolved: a blob', { 'snapshot 2': EVERYTHING }),
  },
  {
    name: 'snapshot-of-nothing',
    make: snapshots.snapshotOfNothing,
    ...missing('unresolved: a blob', {}),
    fromCopy: only('unresolved: a blob'),
  },
  {
    name: 'missing-snapshot',
    make: snapshots.missingSnapshot,
    damaged: { check: ['missing: snapshot 1'], unreadable: { 'snapshot 1': EVERYTHING } },
    repaired: { check: ['missing: snapshot 1'], unreadable: { 'snapshot 1': EVERYTHING } },
    givenUp: { check: [], unreadable: { 'snapshot 1': EVERYTHING } },
    fromCopy: WHOLE,
  },
  {
    name: 'missing-receipt',
    make: snapshots.missingReceipt,
    damaged: {
      check: ['missing: snapshot 1'],
      unreadable: { 'snapshot 1 (unconfirmed)': [] },
    },
    repaired: WHOLE,
    fromCopy: WHOLE,
  },
  damagedSnapshot(1),
  damagedSnapshot(2),
  damagedReceipt(1),
  damagedReceipt(2),
  kept('mark 1'),
  kept('forget 1'),
  kept('hold 1'),
  kept('grant 1'),
  idle('sighting 1'),
  idle('renewal 1'),
  idle('loss 1'),
  idle('lease 1'),
  {
    name: 'damaged-keyring',
    make: snapshots.flipped('keyring 2'),
    damaged: only('damaged: keyring 2'),
    repaired: only('damaged: keyring 2'),
    fromCopy: WHOLE,
  },
  {
    name: "damaged-owner's-grant",
    make: snapshots.flipped("owner's grant"),
    closed: 'wrong-passphrase',
    damaged: only("damaged: owner's grant"),
    fromCopy: WHOLE,
  },
  {
    name: 'damaged-config',
    make: snapshots.flipped('config 1'),
    closed: 'object-foreign',
    damaged: only('foreign: config 1'),
    fromCopy: WHOLE,
  },
]

/** What is lost with trees that a broken writer made nobody has. */
const never = (line: string): Omit<DamagedCase, 'name' | 'make'> => ({
  damaged: only(line),
  repaired: only(line),
  fromCopy: only(line),
})

const unusable = {
  damaged: only('damaged: another in packs/'),
  repaired: only('missing: another in packs/'),
  givenUp: only(...LOST),
  fromCopy: only('missing: another in packs/'),
}

const TREES: readonly DamagedCase[] = [
  {
    name: 'unsorted-directory',
    make: trees.unsortedDirectory,
    ...never('malformed: another in packs/'),
  },
  { name: 'cycle', make: trees.cycle, ...curable('mismatch: another in packs/') },
  { name: 'lying-refs', make: trees.lyingRefs, ...curable('mismatch: another in packs/') },
  { name: 'forged-blob', make: trees.forgedBlob, ...unusable },
  { name: 'huge-length-in-tree', make: trees.hugeLengthInTree, ...unusable },
]

const LENGTHS: readonly DamagedCase[] = [
  {
    name: 'huge-length-in-trailer',
    make: lengths.hugeLengthInTrailer,
    ...curable('damaged: data-pack 1'),
  },
  {
    name: 'huge-length-in-header',
    make: lengths.hugeLengthInHeader,
    ...curable('damaged: another in packs/'),
  },
  {
    name: 'huge-length-in-index',
    make: lengths.hugeLengthInIndex,
    ...curable('damaged: another in index/'),
  },
  {
    name: 'huge-length-in-record',
    make: lengths.hugeLengthInRecord,
    ...curable('damaged: another in holds/'),
  },
  {
    name: 'huge-length-in-mark',
    make: lengths.hugeLengthInMark,
    ...curable('damaged: another in marks/'),
  },
]

const FOLDERS = ['forgets', 'holds', 'index', 'keys', 'leases', 'losses', 'marks', 'origins']
const MORE_FOLDERS = ['packs', 'receipts', 'renewals', 'sightings', 'snapshots']

const inFolders = (kind: string, without: string): readonly string[] =>
  [...FOLDERS, ...MORE_FOLDERS]
    .filter((folder) => folder !== without)
    .map((folder) => `${kind}: another in ${folder}/`)

const JUNK: readonly DamagedCase[] = [
  {
    name: 'junk-in-every-folder',
    make: junk.junkInEveryFolder,
    ...curable(...inFolders('damaged', '')),
  },
  {
    name: 'empty-objects',
    make: junk.emptyObjects,
    ...curable(...inFolders('damaged', 'leases'), 'damaged: renewal 1', 'damaged: sighting 1'),
  },
  {
    name: 'unknown-version-in-each-folder',
    make: junk.unknownVersions,
    damaged: only(...inFolders('unsupported', 'marks')),
    repaired: only(...inFolders('unsupported', 'marks')),
    fromCopy: only(...inFolders('unsupported', 'marks')),
  },
  {
    name: 'unknown-version-in-marks',
    make: junk.unknownVersionInMarks,
    ...never('unsupported: another in marks/'),
  },
  {
    name: 'unknown-version-of-config',
    make: junk.unknownVersionOfConfig,
    closed: 'unsupported',
    damaged: only('unsupported: another in config/'),
    fromCopy: only('unsupported: another in config/'),
  },
  {
    name: 'unknown-version-of-keyring',
    make: junk.unknownVersionOfKeyring,
    closed: 'unsupported',
    damaged: only('unsupported: another in keys/'),
    fromCopy: only('unsupported: another in keys/'),
  },
  {
    name: 'objects-of-another-repository',
    make: junk.objectsOfAnotherRepository,
    damaged: only(...['index', 'packs', 'receipts', 'snapshots'].map(foreignIn)),
    repaired: only(...['index', 'packs', 'receipts', 'snapshots'].map(foreignIn)),
    fromCopy: only(...['index', 'packs', 'receipts', 'snapshots'].map(foreignIn)),
  },
]

function foreignIn(folder: string): string {
  return `foreign: another in ${folder}/`
}

export const CASES: readonly DamagedCase[] = [
  ...PACKS,
  ...INDEX,
  ...RECORDS,
  ...TREES,
  ...LENGTHS,
  ...JUNK,
]
