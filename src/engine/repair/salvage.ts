// What can be saved of a damaged pack: the frames that open and whose blobs are all what their ids say. What
// trees refer to is taken from the trees themselves, whatever the pack's header says.

import { type Bytes, concat, equalBytes, release } from '../../base/bytes.ts'
import { CairnError, isCairnError } from '../../base/errors.ts'
import { BLOB_ID_BYTES, type BlobId } from '../../format/ids.ts'
import type { Frame, PackHeader } from '../../format/pack.ts'
import type { PackKind } from '../../format/prefix.ts'
import { decodeTreeNode, refsOf } from '../../format/tree.ts'
import { openFrame } from '../../packer/frame.ts'
import type { DomainAccess } from '../../repository/access.ts'
import type { PackColumns } from '../../repository/pack-headers.ts'
import { frameSealOf } from '../blob-reader.ts'

export interface Salvaging {
  readonly domain: DomainAccess
  readonly kind: PackKind
  /** Where frames are, by the pack's header or by an index. */
  readonly columns: PackColumns
}

interface VerifiedFrame {
  readonly frame: Frame
  readonly ids: Bytes
  readonly refs: readonly (readonly BlobId[])[]
}

/** A header of the frames that are good, where they lie in the damaged pack. Needs a key that opens. */
export function salvage(bytes: Bytes, salvaging: Salvaging): PackHeader {
  const { columns, kind } = salvaging
  const good: VerifiedFrame[] = []
  let blob = 0
  for (const frame of columns.frames) {
    const ids = columns.ids.subarray(BLOB_ID_BYTES * blob, BLOB_ID_BYTES * (blob + frame.blobCount))
    blob += frame.blobCount
    const refs = verifiedRefs(bytes, { ...salvaging, frame, ids })
    if (refs !== undefined) good.push({ frame, ids, refs })
  }
  const isTree = kind === 'tree-pack'
  const refs = good.flatMap((one) => one.refs)
  return {
    sessions: columns.sessions,
    frames: good.map(({ frame }) => frame),
    ids: concat(good.map(({ ids }) => ids)),
    refCounts: Uint32Array.from(isTree ? refs.map((of) => of.length) : []),
    refs: concat(refs.flat()),
  }
}

interface OneFrame extends Salvaging {
  readonly frame: Frame
  readonly ids: Bytes
}

/** For each blob what it refers to; undefined where anything is wrong with the frame. */
function verifiedRefs(bytes: Bytes, one: OneFrame): readonly (readonly BlobId[])[] | undefined {
  try {
    return refsOfFrame(bytes, one)
  } catch (error) {
    if (isCairnError(error, 'object-damaged', 'object-foreign', 'unsupported')) return undefined
    throw error
  }
}

function refsOfFrame(
  bytes: Bytes,
  { domain, kind, columns, frame, ids }: OneFrame,
): readonly (readonly BlobId[])[] {
  const { offset, storedBytes, rawBytes, blobCount } = frame
  const session = columns.sessions[frame.session]
  if (session === undefined || offset + storedBytes > bytes.length) throw wrong('it is cut off')
  const sealed = bytes.subarray(offset, offset + storedBytes)
  const blobs = openFrame(sealed, { ...frameSealOf(domain, { session, kind }), rawBytes })
  if (blobs.length !== blobCount) throw wrong('it holds another number of blobs')
  const type = kind === 'tree-pack' ? 'tree' : 'data'
  const refs = blobs.map((blob, i) => {
    const id = ids.subarray(BLOB_ID_BYTES * i, BLOB_ID_BYTES * (i + 1))
    if (!equalBytes(domain.idOf(type, blob), id)) throw wrong('a blob is not what its id says')
    return type === 'tree' ? refsOf(decodeTreeNode(blob)).map((ref) => ref.slice() as BlobId) : []
  })
  if (blobs[0] !== undefined) release(blobs[0])
  return refs
}

function wrong(why: string): CairnError {
  return new CairnError('object-damaged', `Cannot save a frame: ${why}`)
}
