// The source's name for what lies in base, because the target needs it as well and neither room may
// import the other. New code imports base/libc-xattrs.ts itself.

export {
  digestXattrs,
  NO_XATTRS_DIGEST,
  type Xattr,
  type XattrProblem,
  XattrReader,
  type XattrReading,
} from '../../base/libc-xattrs.ts'
