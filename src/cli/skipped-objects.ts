// Objects that a command goes on without, as people and programs are told of them: of each folder a few.

import { aboutObject, type ObjectProblem } from '../repository/object-problem.ts'
import type { Repository } from '../repository/repository.ts'
import { fewOfEach, folderOf } from './few-of-each.ts'
import type { Output } from './output.ts'
import { formatNumber } from './sizes.ts'

export function warnOfSkipped(output: Output, problems: readonly ObjectProblem[]): void {
  warnOfFew(output, problems, (problem) => aboutObject(problem).message)
}

/** Of what was passed over when the repository was opened. */
export function warnOfPassedOver(output: Output, { skipped }: Repository): void {
  warnOfFew(output, skipped, ({ name, why }) => `Passed over ${name}: ${why}`)
}

function warnOfFew<T extends { readonly name: string }>(
  output: Output,
  objects: readonly T[],
  textOf: (object: T) => string,
): void {
  const { named, more } = fewOfEach(output, objects, ({ name }) => folderOf(name))
  for (const object of named) output.warning('object-skipped', textOf(object))
  for (const { count, example } of more) {
    const rest = `${formatNumber(count, 'more object')} in ${folderOf(example.name) ?? ''} cannot be used`
    output.warning('object-skipped', `${rest}: \`--verbose\` names them`)
  }
}
