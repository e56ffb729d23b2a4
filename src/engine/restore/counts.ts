// What a restore did, or would do.

export interface RestoreCounts {
  files: number
  folders: number
  others: number
  bytes: number
  skipped: number
  deleted: number
  problems: number
  /** How many files were read back; 0 where that was not asked for. */
  verified: number
}

export function noCounts(): RestoreCounts {
  return {
    files: 0,
    folders: 0,
    others: 0,
    bytes: 0,
    skipped: 0,
    deleted: 0,
    problems: 0,
    verified: 0,
  }
}
