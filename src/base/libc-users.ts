// Names of users and groups, both ways, through the C library's getpwuid_r and its three siblings,
// so that LDAP, SSSD and systemd's own users are found as `ls -l` finds them. Each answer is kept:
// a backup asks for the same few of them for every entry, and a directory server is slow.

import { fromUtf8Lossy, utf8, viewOf } from './bytes.ts'
import { type Address, type Libc, libc } from './libc.ts'
import { Errno } from './libc-error.ts'
import { cStringAt, NativeBuffer, PathSlot } from './libc-memory.ts'

const RECORD_BYTES_MAX = 4 << 20

// struct passwd and struct group on 64-bit Linux (glibc and musl): the name first, then the
// password, then the number. Here they are followed by the pointer that the call sets.
const NAME_AT = 0
const NUMBER_AT = 16
const RESULT_AT = 64
const STRINGS_AT = 80

type Lookup = (record: Address, strings: Address, length: number, result: Address) => number

/** Names and numbers of users and groups, each asked for once. Undefined where there is none. */
export class UserNames {
  readonly #libc: Libc = libc()
  readonly #name = new PathSlot()
  #buffer = new NativeBuffer(4096)
  readonly #userNames = new Map<number, string | undefined>()
  readonly #groupNames = new Map<number, string | undefined>()
  readonly #userIds = new Map<string, number | undefined>()
  readonly #groupIds = new Map<string, number | undefined>()

  userName(uid: number): string | undefined {
    return remember(this.#userNames, uid, () =>
      this.#nameFrom((...place) => this.#libc.getpwuid_r(uid, ...place)),
    )
  }

  groupName(gid: number): string | undefined {
    return remember(this.#groupNames, gid, () =>
      this.#nameFrom((...place) => this.#libc.getgrgid_r(gid, ...place)),
    )
  }

  userId(name: string): number | undefined {
    const address = this.#name.put(utf8(name))
    return remember(this.#userIds, name, () =>
      this.#numberFrom((...place) => this.#libc.getpwnam_r(address, ...place)),
    )
  }

  groupId(name: string): number | undefined {
    const address = this.#name.put(utf8(name))
    return remember(this.#groupIds, name, () =>
      this.#numberFrom((...place) => this.#libc.getgrnam_r(address, ...place)),
    )
  }

  #nameFrom(lookup: Lookup): string | undefined {
    if (!this.#find(lookup)) return undefined
    const { bytes, address } = this.#buffer
    const pointer = Number(viewOf(bytes).getBigUint64(NAME_AT, true))
    return fromUtf8Lossy(cStringAt(bytes, pointer - address))
  }

  #numberFrom(lookup: Lookup): number | undefined {
    if (!this.#find(lookup)) return undefined
    return viewOf(this.#buffer.bytes).getUint32(NUMBER_AT, true)
  }

  /** Fills the buffer with the record; false where there is none or the directory does not answer. */
  #find(lookup: Lookup): boolean {
    for (;;) {
      const { bytes, address } = this.#buffer
      const length = bytes.length - STRINGS_AT
      const errno = lookup(address, address + STRINGS_AT, length, address + RESULT_AT)
      if (errno === Errno.ERANGE && bytes.length < RECORD_BYTES_MAX) {
        this.#buffer = new NativeBuffer(bytes.length * 4)
        continue
      }
      return errno === 0 && viewOf(bytes).getBigUint64(RESULT_AT, true) !== 0n
    }
  }
}

function remember<K, V>(known: Map<K, V>, key: K, ask: () => V): V {
  const before = known.get(key)
  if (before !== undefined || known.has(key)) return before as V
  const answer = ask()
  known.set(key, answer)
  return answer
}
