// Objects that a command goes on without, as people and programs are told of them. Whoever may put objects
// may put thousands of no use: of each folder a few are named, the others counted.

import { aboutObject, type ObjectProblem } from '../repository/object-problem.ts'
import type { Output } from './output.ts'
import { formatNumber } from './sizes.ts'

/** So many of each folder are named, unless all are wanted. */
const NAMED_MAX = 3

export function warnOfSkipped(output: Output, problems: readonly ObjectProblem[]): void {
  const named = output.json || output.verbose ? Number.POSITIVE_INFINITY : NAMED_MAX
  const folders = Map.groupBy(problems, ({ name }) => name.slice(0, name.indexOf('/') + 1))
  for (const [folder, within] of folders) {
    for (const problem of within.slice(0, named))
      output.warning('object-skipped', aboutObject(problem).message)
    if (within.length <= named) continue
    const rest = `${formatNumber(within.length - named, 'more object')} in ${folder} cannot be used`
    output.warning('object-skipped', `${rest}: \`--verbose\` names them`)
  }
}
