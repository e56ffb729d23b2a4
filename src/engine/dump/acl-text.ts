// POSIX access control lists as text, which is how tar archives have them (SCHILY.acl.access and
// .default): the kernel's own form of them in an extended attribute is of use to Linux only, and GNU tar
// ignores it with --acls. By numbers, as star writes them: names are those of another machine.

import { type Bytes, viewOf } from '../../base/bytes.ts'

// linux/posix_acl_xattr.h: a version, then entries of a tag, permissions and a number.
const VERSION = 2
const HEAD_BYTES = 4
const ENTRY_BYTES = 8

const TAGS: ReadonlyMap<number, { readonly name: string; readonly hasNumber: boolean }> = new Map([
  [0x01, { name: 'user', hasNumber: false }],
  [0x02, { name: 'user', hasNumber: true }],
  [0x04, { name: 'group', hasNumber: false }],
  [0x08, { name: 'group', hasNumber: true }],
  [0x10, { name: 'mask', hasNumber: false }],
  [0x20, { name: 'other', hasNumber: false }],
])

/** `user::rwx,user:1000:r-x,group::r-x,mask::r-x,other::---`; undefined for what is no list. */
export function aclText(value: Bytes): string | undefined {
  const entries = (value.length - HEAD_BYTES) / ENTRY_BYTES
  if (!Number.isInteger(entries) || entries < 1) return undefined
  const view = viewOf(value)
  if (view.getUint32(0, true) !== VERSION) return undefined
  const texts: string[] = []
  for (let at = HEAD_BYTES; at < value.length; at += ENTRY_BYTES) {
    const tag = TAGS.get(view.getUint16(at, true))
    if (tag === undefined) return undefined
    const number = tag.hasNumber ? String(view.getUint32(at + 4, true)) : ''
    texts.push(`${tag.name}:${number}:${permissionText(view.getUint16(at + 2, true))}`)
  }
  return texts.join(',')
}

function permissionText(bits: number): string {
  return `${bits & 4 ? 'r' : '-'}${bits & 2 ? 'w' : '-'}${bits & 1 ? 'x' : '-'}`
}
