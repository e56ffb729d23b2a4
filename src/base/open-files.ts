// How many files this process may have open. Node raises the soft limit to the hard one when it starts.

import { readFileSync } from 'node:fs'

/** Infinity where there is no limit, or none that can be known. */
export function openFilesMax(): number {
  try {
    return openFilesIn(readFileSync('/proc/self/limits', 'latin1'))
  } catch {
    return Number.POSITIVE_INFINITY // No procfs.
  }
}

/** The soft limit in the text that Linux gives (proc_pid_limits(5)). */
export function openFilesIn(limits: string): number {
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1]
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft)
}
