// One pack, checked as a whole: its hash is its name, its header opens, every frame opens and
// decompresses, every blob is what its id says, every tree node is one and refers to what the header
// says. All of it is synchronous; the checking workers do it.

import { type Bytes, equalBytes, release, toHex } from '../../base/bytes.ts'
import { CairnError } from '../../base/errors.ts'
import { KeyedHasher } from '../../base/hash.ts'
import { BLOB_ID_BYTES, type BlobType } from '../../format/ids.ts'
import type { Frame, PackHeader } from '../../format/pack.ts'
import type { PackKind } from '../../format/prefix.ts'
import { decodeTreeNode, refsOf } from '../../format/tree.ts'
import { type FrameSeal, openFrame } from '../../packer/frame.ts'
import { blobIdKey, type DomainAccess } from '../../repository/access.ts'
import { expectPackPrefix, openTail, type PackColumns } from '../../repository/pack-headers.ts'
import { matchesName } from '../../store/content.ts'
import { frameSealOf } from '../blob-reader.ts'
import { NodeFactsBuilder } from './node-facts.ts'
import { headerFacts, nothingRead, type PackFacts } from './pack-facts.ts'
import { type CheckProblem, problemOf } from './problems.ts'

export interface WholePack {
  readonly name: string
  readonly bytes: Bytes
  /** What an index says of the pack, for where its header cannot be opened. */
  readonly fallback?: PackColumns | undefined
}

interface OpenDomain {
  readonly access: DomainAccess
  readonly hashers: Readonly<Record<BlobType, KeyedHasher>>
}

/** Checks packs of the domains that it holds the keys of; of others only that they are intact. */
export class PackChecker {
  readonly #domains: ReadonlyMap<string, OpenDomain>

  constructor(domains: readonly DomainAccess[]) {
    this.#domains = new Map(domains.map((access) => [access.hex, openDomain(access)]))
  }

  /** Throws nothing over what is in a pack: that is what it tells. */
  check(pack: WholePack): PackFacts {
    const { name, bytes } = pack
    const problems: CheckProblem[] = []
    if (!matchesName(name, bytes)) problems.push(otherHash(pack))
    const prefix = attempt(name, problems, () => expectPackPrefix(bytes))
    const domain = prefix && this.#domains.get(toHex(prefix.domain))
    const facts = { ...nothingRead(name), problems, domain: prefix && toHex(prefix.domain) }
    if (prefix === undefined || domain === undefined) return facts
    const read = attempt(name, problems, () =>
      openTail(bytes, { name, packBytes: bytes.length, prefix, domain: domain.access }),
    )
    const columns = read?.header ?? pack.fallback
    if (columns === undefined) return facts
    const run = new FramesRun({ pack, problems, domain, kind: prefix.kind, columns })
    return { ...facts, ...run.checkAll(), header: read && headerFacts(read) }
  }
}

function openDomain(access: DomainAccess): OpenDomain {
  const { idKey } = access
  const hasher = (type: BlobType) => new KeyedHasher(blobIdKey(idKey, type))
  return { access, hashers: { data: hasher('data'), tree: hasher('tree') } }
}

function otherHash({ name, bytes }: WholePack): CheckProblem {
  const what = `the SHA-256 of its ${bytes.length.toLocaleString('en-US')} bytes is not its name`
  return { kind: 'damaged', object: name, what }
}

/** What `act` returns; undefined where what it throws is a problem of the object. */
function attempt<T>(name: string, problems: CheckProblem[], act: () => T): T | undefined {
  try {
    return act()
  } catch (error) {
    problems.push(problemOf(name, error))
    return undefined
  }
}

interface FramesRunOptions {
  readonly pack: WholePack
  readonly problems: CheckProblem[]
  readonly domain: OpenDomain
  readonly kind: PackKind
  /** Without refs where they come from an index. */
  readonly columns: PackColumns & Partial<PackHeader>
}

/** Goes through the frames of one pack. */
class FramesRun {
  readonly #options: FramesRunOptions
  readonly #type: BlobType
  readonly #seals = new Map<number, FrameSeal>()
  readonly #lost: number[] = []
  #blob = 0
  #ref = 0
  #rawBytes = 0
  readonly #nodes: NodeFactsBuilder | undefined

  constructor(options: FramesRunOptions) {
    this.#options = options
    this.#type = options.kind === 'tree-pack' ? 'tree' : 'data'
    const { ids, refs } = options.columns
    const counts = { blobs: ids.length / BLOB_ID_BYTES, refs: (refs?.length ?? 0) / BLOB_ID_BYTES }
    if (this.#type === 'tree') this.#nodes = new NodeFactsBuilder(counts)
  }

  checkAll(): Pick<PackFacts, 'frames' | 'blobs' | 'rawBytes' | 'lostIds' | 'nodes'> {
    const { frames } = this.#options.columns
    for (const frame of frames) this.#checkFrame(frame)
    const [blobs, rawBytes] = [this.#blob, this.#rawBytes]
    const nodes = this.#nodes?.finish()
    return { frames: frames.length, blobs, rawBytes, lostIds: this.#lostIds(), nodes }
  }

  #checkFrame(frame: Frame): void {
    const first = this.#blob
    try {
      const blobs = this.#open(frame)
      for (const blob of blobs) this.#checkBlob(blob, frame)
      if (blobs[0] !== undefined) release(blobs[0])
      this.#rawBytes += frame.rawBytes
    } catch (error) {
      this.#report(frame, error)
      this.#skipTo(first + frame.blobCount)
    }
  }

  #open(frame: Frame): readonly Bytes[] {
    const { offset, storedBytes, rawBytes, blobCount } = frame
    const sealed = this.#options.pack.bytes.subarray(offset, offset + storedBytes)
    const blobs = openFrame(sealed, { ...this.#seal(frame.session), rawBytes })
    if (blobs.length === blobCount) return blobs
    throw damaged(`a frame holds ${blobs.length} blobs, and its header says ${blobCount}`)
  }

  #seal(session: number): FrameSeal {
    const known = this.#seals.get(session)
    if (known !== undefined) return known
    const { columns, domain, kind } = this.#options
    const one = columns.sessions[session]
    if (one === undefined) throw damaged('a frame is of a session that its pack does not have')
    const seal = frameSealOf(domain.access, { session: one, kind })
    this.#seals.set(session, seal)
    return seal
  }

  #checkBlob(blob: Bytes, frame: Frame): void {
    const number = this.#blob++
    const id = this.#options.columns.ids.subarray(
      BLOB_ID_BYTES * number,
      BLOB_ID_BYTES * (number + 1),
    )
    const refs = this.#takeRefs(number)
    try {
      if (!equalBytes(this.#options.domain.hashers[this.#type].hash(blob), id)) {
        throw damaged(`a blob is not what its id ${toHex(id)} says`)
      }
      if (this.#type === 'tree') this.#checkNode(blob, { frame, refs })
    } catch (error) {
      this.#report(frame, error)
      this.#lost.push(number)
    }
  }

  /** The refs that the header lists for a blob; undefined where there is no header. */
  #takeRefs(number: number): Bytes | undefined {
    const { refs, refCounts } = this.#options.columns
    if (refs === undefined || refCounts === undefined) return undefined
    const start = this.#ref
    this.#ref += refCounts[number] ?? 0
    return refs.subarray(BLOB_ID_BYTES * start, BLOB_ID_BYTES * this.#ref)
  }

  #checkNode(blob: Bytes, { frame, refs }: { frame: Frame; refs: Bytes | undefined }): void {
    const node = decodeTreeNode(blob)
    if (refs === undefined) return
    const found = refsOf(node)
    const same =
      found.length * BLOB_ID_BYTES === refs.length &&
      found.every((id, i) =>
        equalBytes(id, refs.subarray(BLOB_ID_BYTES * i, BLOB_ID_BYTES * (i + 1))),
      )
    if (same) {
      const firstRef = this.#ref - found.length
      this.#nodes?.take(node, { blob: this.#blob - 1, firstRef })
      return
    }
    const { name } = this.#options.pack
    const what = 'a tree node refers to other ids than its pack header says'
    this.#options.problems.push({ kind: 'mismatch', object: name, what, offset: frame.offset })
  }

  #report({ offset }: Frame, error: unknown): void {
    const { problems, pack } = this.#options
    problems.push({ ...problemOf(pack.name, error), offset })
  }

  /** Passes over blobs that could not be read. */
  #skipTo(end: number): void {
    while (this.#blob < end) {
      this.#takeRefs(this.#blob)
      this.#lost.push(this.#blob++)
    }
  }

  #lostIds(): Uint8Array<ArrayBuffer> {
    const { ids } = this.#options.columns
    const lost = new Uint8Array(BLOB_ID_BYTES * this.#lost.length)
    this.#lost.forEach((blob, i) => {
      lost.set(ids.subarray(BLOB_ID_BYTES * blob, BLOB_ID_BYTES * (blob + 1)), BLOB_ID_BYTES * i)
    })
    return lost
  }
}

function damaged(what: string): CairnError {
  return new CairnError('object-damaged', what)
}
