// The source's name for what lies in base, because the target needs it as well and neither room may
// import the other. New code imports base/libc-stat.ts itself.

export {
  type ExactInteger,
  type FileStat,
  type FileType,
  STAT_KEY,
  StatBuffer,
} from '../../base/libc-stat.ts'
