// File systems that the kernel makes up as they are read: procfs, sysfs and their like. Their files
// mostly say that they are empty and are not, so they are read to their end whatever they say.
// (Not tmpfs: it has no disk either, but its sizes are right.)

import { libc } from '../../base/libc.ts'
import { NativeBuffer } from '../../base/libc-memory.ts'

/** statfs.f_type of each; from linux/magic.h and the file systems' own sources. */
const MAGIC_NUMBERS = new Set([
  0x9fa0, // proc
  0x62656572, // sysfs
  0x0027e0eb, // cgroup
  0x63677270, // cgroup2
  0x64626720, // debugfs
  0x74726163, // tracefs
  0x73636673, // securityfs
  0x62656570, // configfs
  0xf97cff8c, // selinuxfs
  0x43415d53, // smackfs
  0xcafe4a11, // bpf
  0x6165676c, // pstore
  0x42494e4d, // binfmt_misc
  0x19800202, // mqueue
  0x67596969, // rpc_pipefs
  0x6e667364, // nfsd
  0x65735543, // fusectl
  0x1cd1, // devpts
  0x6e736673, // nsfs
  0x50494446, // pidfs
  0x07655821, // resctrl
  0x00009fa2, // usbdevfs
])

const STATFS_BYTES = 256

let buffer: NativeBuffer | undefined

/** Whether what a descriptor stands for lies on such a file system; false where nobody can tell. */
export function isDiskless(fd: number): boolean {
  buffer ??= new NativeBuffer(STATFS_BYTES)
  if (libc().fstatfs(fd, buffer.address) < 0) return false
  return MAGIC_NUMBERS.has(new Uint32Array(buffer.bytes.buffer)[0] as number)
}
