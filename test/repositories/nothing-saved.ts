// What a snapshot of nothing says, for tests that are about something else.

import type { Details, Summary } from '../../src/format/snapshot.ts'

export const EMPTY_SUMMARY: Omit<Summary, 'sourceId' | 'sessionId' | 'detailsHash'> = {
  roots: [],
  sequence: 1,
  predecessor: undefined,
  startedMs: 0,
  endedMs: 0,
  ending: 'complete',
  files: 0,
  folders: 0,
  others: 0,
  unreadable: 0,
  sizeBytes: 0,
  addedBytes: 0,
  addedStoredBytes: 0,
  program: 'test',
  replaces: undefined,
  copyOf: undefined,
}

export const EMPTY_DETAILS: Details = {
  source: 'source',
  host: 'host',
  user: 'user',
  paths: [],
  tags: [],
  problems: [],
  root: undefined,
  original: undefined,
}
