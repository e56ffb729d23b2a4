// Whether a file system can give a file its name without replacing one (link(2)). On Linux this is
// known by the file system's kind; asking costs no write, so that it works on a read-only disk and
// for a folder that is yet to be made. Where the answer is no, a put still tries link(2) first, and
// where that is refused it looks and then renames.

import { statfsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

// statfs(2) f_type. FUSE, NFS, SMB, 9p are left out: it depends on what is behind them.
const LINKING = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // xfs
  0x9123683e, // btrfs
  0xca451a4e, // bcachefs
  0x2fc12fc1, // zfs
  0xf2f52010, // f2fs
  0x3153464a, // jfs
  0x01021994, // tmpfs
  0x858458f6, // ramfs
  0x794c7630, // overlayfs
  0x00c36400, // ceph
])

/** True where link(2) is known to work in this folder, or in the nearest one that is there. */
export function promisesLinks(path: string): boolean {
  if (process.platform !== 'linux') return false
  let folder = path
  while (statSync(folder, { throwIfNoEntry: false }) === undefined) folder = dirname(folder)
  return LINKING.has(statfsSync(folder).type)
}
