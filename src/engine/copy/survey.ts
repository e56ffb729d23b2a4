// What a snapshot needs: goes through its folders as a restore does, and collects which blobs of data are not
// in the target yet. What cannot be had is told with its path. Folders that are in the target with all below
// them are passed over.

import { type Bytes, concat, utf8 } from '../../base/bytes.ts'
import { CairnError } from '../../base/errors.ts'
import type { BlobId } from '../../format/ids.ts'
import type { Entry } from '../../format/tree.ts'
import type { Snapshot } from '../../repository/snapshots.ts'
import { rootOf } from '../snapshot-root.ts'
import { entryRunsOf, extentsOf, pieceRunsOf } from '../tree-reader.ts'
import { NumberSet } from './number-sets.ts'
import type { SourceBlobs } from './source-blobs.ts'
import type { TargetPass } from './target-pass.ts'

export interface SurveyOptions {
  readonly source: SourceBlobs
  readonly pass: TargetPass
  readonly snapshot: Snapshot
  readonly onProblem: (path: Bytes, error: CairnError) => void
  /** Between folders: lets others have their turn, and throws where it is to end. */
  readonly onFolder: () => Promise<void>
}

export interface Survey {
  /** Blobs of data that are to be copied, by their numbers. */
  readonly data: NumberSet
  readonly problems: number
  /** Something is in no pack that is there: it may have been moved meanwhile. */
  readonly isMissing: boolean
}

export async function survey(options: SurveyOptions): Promise<Survey> {
  const surveyor = new Surveyor(options)
  await surveyor.run()
  return surveyor
}

interface Folder {
  readonly tree: BlobId
  readonly names: readonly Bytes[]
}

class Surveyor implements Survey {
  readonly data: NumberSet
  problems = 0
  isMissing = false
  readonly #options: SurveyOptions
  readonly #seen: NumberSet
  readonly #present: NumberSet
  readonly #stack: Folder[] = []

  constructor(options: SurveyOptions) {
    const { source, pass, snapshot } = options
    this.#options = options
    this.data = new NumberSet(source.blobs)
    this.#seen = new NumberSet(source.blobs)
    this.#present = pass.presentOf(source)
    for (const root of snapshot.summary.roots) this.#enter({ tree: root as BlobId, names: [] })
  }

  async run(): Promise<void> {
    const { snapshot } = this.#options
    await this.#tellProblemOf([], () => Promise.resolve(rootOf(snapshot)))
    for (let folder = this.#stack.pop(); folder !== undefined; folder = this.#stack.pop()) {
      await this.#options.onFolder()
      await this.#tellProblemOf(folder.names, () => this.#visit(folder))
    }
  }

  /** One that is there several times is gone through once. */
  #enter(folder: Folder): void {
    const number = this.#options.source.numberOf(folder.tree)
    if (number >= 0) {
      if (this.#seen.has(number) || this.#present.has(number)) return
      this.#seen.add(number)
    }
    this.#stack.push(folder)
  }

  async #visit({ tree, names }: Folder): Promise<void> {
    const { reader } = this.#options.source
    for await (const entries of entryRunsOf(reader, tree, names.length)) {
      for (const entry of entries) {
        const path = [...names, entry.name]
        if (entry.tree !== undefined) this.#enter({ tree: entry.tree, names: path })
        else if (entry.type === 'file')
          await this.#tellProblemOf(path, () => this.#visitFile(entry))
      }
    }
  }

  async #visitFile(entry: Entry): Promise<void> {
    const { reader } = this.#options.source
    let problem: CairnError | undefined
    for await (const pieces of pieceRunsOf(reader, entry))
      for (const { id } of pieces) problem ??= this.#need(id)
    if (entry.extentList !== undefined) await extentsOf(reader, entry)
    if (problem !== undefined) throw problem
  }

  /** Takes down that a blob of data is needed; what is wrong with it where it cannot be had. */
  #need(id: BlobId): CairnError | undefined {
    const { source, pass } = this.#options
    const number = source.numberOf(id)
    if (number < 0) return new CairnError('object-missing', 'a part of it is in no pack')
    if (this.#present.has(number) || this.data.has(number)) return undefined
    const known = source.targetId(number, id)
    if (known !== undefined && pass.known.has(known)) {
      source.ids.set(number, known)
      this.#present.add(number)
      return undefined
    }
    const problem = source.damaged.get(number)
    if (problem === undefined) this.data.add(number)
    return problem
  }

  async #tellProblemOf(names: readonly Bytes[], visit: () => Promise<unknown>): Promise<void> {
    try {
      await visit()
    } catch (error) {
      const damage = this.#options.source.asDamage(error)
      this.isMissing ||= damage.code === 'object-missing'
      this.problems++
      this.#options.onProblem(pathOf(names), damage)
    }
  }
}

function pathOf(names: readonly Bytes[]): Bytes {
  if (names.length === 0) return utf8('/')
  return concat(names.flatMap((name) => [utf8('/'), name]))
}
