// The attributes of what stands in the target: whether they are those of an entry, and making them so.

import type { StatBuffer } from '../../base/libc-stat.ts'
import { UserNames } from '../../base/libc-users.ts'
import { XattrReader } from '../../base/libc-xattrs.ts'
import type { Entry } from '../../format/tree.ts'
import type { AttributeProblem } from '../../target/files/attribute-problem.ts'
import { MetadataWriter } from '../../target/files/metadata.ts'
import type { WriterSetup } from './messages.ts'
import { metadataOf } from './metadata-of.ts'

export class Attributes {
  readonly #owners: WriterSetup['owners']
  readonly #writer: MetadataWriter
  readonly #xattrs = new XattrReader()

  constructor(owners: WriterSetup['owners']) {
    this.#owners = owners
    this.#writer = new MetadataWriter(
      owners === 'names' ? { kind: owners, names: new UserNames() } : { kind: owners },
    )
  }

  /** `stat` is of what stands in a folder under the entry's name. */
  areThose(
    entry: Entry,
    { dirFd, stat }: { readonly dirFd: number; readonly stat: StatBuffer },
  ): boolean {
    const xattrs = () => this.#xattrs.at(dirFd, entry.name).xattrs
    return this.#writer.isApplied(metadataOf(entry, this.#owners), { stat, xattrs })
  }

  /** What could not be set. */
  apply(fd: number, entry: Entry): readonly AttributeProblem[] {
    return this.#writer.apply(fd, metadataOf(entry, this.#owners))
  }
}
