// Marks as nobody should put them: signed by whoever it is, and with other names in the open than were signed.

import { type Bytes, concat } from '../../src/base/bytes.ts'
import { sha256 } from '../../src/base/hash.ts'
import { encode } from '../../src/format/codec.ts'
import { encodeMarkedNames, type MarkedNames, markWordCodec } from '../../src/format/mark.ts'
import { encodePrefix } from '../../src/format/prefix.ts'
import type { DomainAccess } from '../../src/repository/access.ts'
import type { Repository } from '../../src/repository/repository.ts'
import { type Signatory, sealSigned } from '../../src/sealer/signed.ts'

/** The object of a mark that nothing has verified. */
export function forgeMark(
  repository: Repository,
  options: {
    readonly domain: DomainAccess
    readonly signatory: Signatory
    readonly signed: MarkedNames
    /** What lies open, where that is something else. */
    readonly open?: MarkedNames
  },
): Bytes {
  const { domain, signatory, signed, open = signed } = options
  const { epoch } = domain.latest
  const prefix = encodePrefix({ kind: 'mark', domain: domain.id, epoch })
  const word = { namesHash: sha256(encodeMarkedNames(signed)), markedMs: 1 }
  const sealed = sealSigned(encode(markWordCodec, word), {
    place: { repositoryId: repository.id, prefix, part: 'body' },
    signatory,
    headerSeal: domain.headerSeal(epoch),
  })
  return concat([prefix, encodeMarkedNames(open), sealed])
}
