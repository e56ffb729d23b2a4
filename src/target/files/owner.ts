// Whose an entry shall be. By number where the disk goes back to the same machine; by name where
// it goes to another, on which the same people have other numbers.

import type { UserNames } from '../../base/libc-users.ts'

export type OwnerPolicy =
  | { readonly kind: 'numbers' }
  /** By name where the name exists here, else by number. */
  | { readonly kind: 'names'; readonly names: Pick<UserNames, 'userId' | 'groupId'> }
  /** Whoever restores. */
  | { readonly kind: 'keep' }

interface RecordedOwner {
  readonly uid: number
  readonly gid: number
  readonly userName?: string | undefined
  readonly groupName?: string | undefined
}

/** The numbers to be set here. For 'keep', those recorded: they say what a setuid bit was for. */
export function ownerOf(
  recorded: RecordedOwner,
  policy: OwnerPolicy,
): { uid: number; gid: number } {
  const { uid, gid, userName, groupName } = recorded
  if (policy.kind !== 'names') return { uid, gid }
  return {
    uid: idOf(userName, (name) => policy.names.userId(name)) ?? uid,
    gid: idOf(groupName, (name) => policy.names.groupId(name)) ?? gid,
  }
}

const NAME_LENGTH_MAX = 255

/** Names that no system has must not reach the C library. */
function idOf(
  name: string | undefined,
  find: (name: string) => number | undefined,
): number | undefined {
  if (name === undefined || name === '' || name.length > NAME_LENGTH_MAX) return undefined
  if (name.includes('\0')) return undefined
  return find(name)
}
