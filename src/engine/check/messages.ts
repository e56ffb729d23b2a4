// What the main thread and the checking workers say to each other. Whole packs go out, and are gone
// for the sender; facts come back.

import type { DomainKeys, Role } from '../../format/keys.ts'
import type { PackColumns } from '../../repository/pack-headers.ts'

/** What a worker is started with. */
export interface CheckSetup {
  readonly repositoryId: Uint8Array
  readonly role: Role
  /** See DomainAccess.openingKeys. */
  readonly domains: readonly DomainKeys[]
}

export interface CheckTask {
  readonly name: string
  readonly bytes: Uint8Array
  readonly fallback: PackColumns | undefined
}
