// The marks at the target, without a key: which names must never be put there again. Who signed a mark
// cannot be seen, so every one counts: to hold back too much delays a copy, to bring back what is being
// deleted loses data.

import type { Bytes } from '../../base/bytes.ts'
import { isCairnError, whileDoing } from '../../base/errors.ts'
import { decodeMark, type MarkedNames } from '../../format/mark.ts'
import { readObject } from '../../repository/read-object.ts'
import { contentName } from '../../store/names.ts'
import type { Store } from '../../store/store.ts'

export interface TargetMark {
  /** Object names, its own and those that it marks. */
  readonly name: string
  readonly packs: readonly string[]
  readonly snapshots: readonly string[]
}

/** Throws where one cannot be read, or is of a later version: then it is not known what may be put. */
export async function readTargetMarks(target: Store): Promise<readonly TargetMark[]> {
  const marks: TargetMark[] = []
  for await (const { name } of target.list('marks/')) {
    const mark = await readMark(target, name)
    if (mark !== undefined) marks.push(mark)
  }
  return marks
}

/**
 * Undefined where it was removed since it was listed: then nothing that it named is left to be deleted. And where it is as
 * its name says and no mark: then it never was one.
 */
async function readMark(target: Store, name: string): Promise<TargetMark | undefined> {
  try {
    const object = await readObject(target, name)
    const marked = markedIn(object)
    if (marked === undefined) return undefined
    return {
      name,
      packs: marked.packs.map((hash) => contentName('packs', hash)),
      snapshots: marked.snapshots.map((hash) => contentName('snapshots', hash)),
    }
  } catch (error) {
    if (isCairnError(error, 'object-missing')) return undefined
    const what = `Cannot copy to ${target.address} while ${name} there cannot be read`
    throw whileDoing(what, error, { object: name })
  }
}

/** Throws 'unsupported' on one of a later version. */
function markedIn(object: Bytes): MarkedNames | undefined {
  try {
    return decodeMark(object).marked
  } catch (error) {
    if (isCairnError(error, 'object-damaged', 'object-foreign')) return undefined
    throw error
  }
}
