// The summary and the details of a copy, which only `cairn copy` makes: the fields that no snapshot has that a
// backup made.

import { utf8 } from '../../src/base/bytes.ts'
import type { Details, Summary } from '../../src/format/snapshot.ts'

const filled = (length: number, byte: number) => new Uint8Array(length).fill(byte)

export const COPY_SUMMARY: Summary = {
  sourceId: filled(16, 1),
  roots: [filled(32, 2)],
  sequence: 3,
  predecessor: filled(32, 4),
  sessionId: filled(16, 5),
  startedMs: 6,
  endedMs: 7,
  ending: 'complete',
  files: 9,
  folders: 10,
  others: 11,
  unreadable: 0,
  sizeBytes: 13,
  addedBytes: 14,
  addedStoredBytes: 15,
  program: 'cairn',
  detailsHash: filled(32, 17),
  replaces: undefined,
  copyOf: filled(32, 19),
}

export const COPY_DETAILS: Details = {
  source: 'source',
  host: 'host',
  user: 'user',
  paths: [utf8('/path')],
  tags: [],
  problems: [],
  root: undefined,
  original: {
    repositoryId: filled(32, 1),
    ownerVerifyKey: filled(32, 2),
    prefix: filled(32, 3),
    envelope: filled(4, 4),
    object: filled(5, 5),
  },
}
