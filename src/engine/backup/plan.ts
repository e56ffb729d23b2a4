// A dry run: the walk and the comparison of a backup, without opening a file or writing anything.

import { XattrReader } from '../../base/libc-xattrs.ts'
import { loadIndex } from '../../repository/index-load.ts'
import { Walker } from '../../source/files/walk.ts'
import { CacheKeys } from './cache-keys.ts'
import { KnownBlobs } from './known-blobs.ts'
import { LastTime } from './last-time.ts'
import type { BackupOptions, FileSource } from './options.ts'
import { type BackupCounts, Report } from './report.ts'

const EVENTS_AT_ONCE = 256

/** What a backup would find: `filesRead` and `readBytes` are what it would read. */
export async function planBackup(
  options: BackupOptions & { readonly source: FileSource; readonly cachePath: string },
): Promise<BackupCounts> {
  const { repository, domain, source, signal } = options
  const known = new KnownBlobs(await loadIndex(repository, domain))
  const report = new Report(options)
  const keys = new CacheKeys(options)
  const xattrs = new XattrReader()
  const walker = new Walker(source.walk)
  const lastTime = LastTime.open(options.cachePath)
  try {
    for (let events = 1; !signal.aborted; events++) {
      const event = walker.next()
      if (event === undefined) break
      if (event.kind === 'enter') lastTime.enter(event.name)
      else if (event.kind === 'leave') {
        lastTime.leave()
        report.folder()
      } else if (event.kind === 'problem') report.walkProblem(event)
      else if (event.kind === 'skipped') report.skipped(event)
      else {
        const { name, stat, directory } = event
        const cached = known.usable(lastTime.entry(name))
        const now = () => xattrs.at(directory.fd, name).xattrs
        if (cached !== undefined && keys.matches(stat, cached.key, now)) report.unchanged(stat)
        else if (stat.isFile) report.fileRead(stat.size, stat.size)
        else report.other()
      }
      if (events % EVENTS_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve))
    }
  } finally {
    lastTime.close()
    walker.close()
  }
  return report.counts
}
