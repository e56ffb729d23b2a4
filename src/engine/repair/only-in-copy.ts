// What a copy has of a folder and the repository does not.

import type { Bytes } from '../../base/bytes.ts'
import { eachObject, type OwnObject } from '../../repository/each-object.ts'
import { ObjectProblems } from '../../repository/object-problem.ts'
import type { Repository } from '../../repository/repository.ts'
import type { ContentFolder } from '../../store/names.ts'

export interface AbsentObject {
  readonly name: string
  readonly good: Bytes
  /** Of snapshots: when the copy received it. */
  readonly storedAtMs?: number | undefined
  /** Of forget records: snapshots that it explains, which are gone. */
  readonly explains?: readonly string[]
  /** Of forget records: whether it names others too, that are here: the copy alone has forgotten these. */
  readonly isOfOthers?: boolean
}

/** What the copy lists in a folder and the repository does not, as far as it opens. */
export async function eachOnlyIn(
  copy: Repository,
  { store }: Repository,
  folder: `${ContentFolder}/`,
  own: (own: OwnObject) => void,
): Promise<void> {
  const here = new Set<string>()
  for await (const { name } of store.list(folder)) here.add(name)
  const problems = new ObjectProblems()
  const skip = ({ name }: { readonly name: string }) => here.has(name)
  await eachObject({ repository: copy, onlyReading: true, problems }, folder, { skip, own })
}
