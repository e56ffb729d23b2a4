// The command line as plain data, taken from the program: what completion scripts are made from.

import type { Command, Option } from 'commander'
import { suggestedFor } from './suggested-values.ts'

export interface OptionShape {
  /** `--exclude`, `-e`. */
  readonly flags: readonly string[]
  readonly description: string
  /** What comes after it; undefined where nothing does. */
  readonly value: 'file' | 'folder' | 'text' | readonly string[] | undefined
}

export interface CommandShape {
  /** Words after `cairn`: [] for the program itself, ['key', 'add']. */
  readonly words: readonly string[]
  readonly description: string
  /** With those of the commands above it. */
  readonly options: readonly OptionShape[]
  readonly commands: readonly CommandShape[]
  /** Whether arguments are files; otherwise one of these, if any. */
  readonly argument: 'file' | readonly string[] | undefined
}

export function shapeOf(command: Command, above?: CommandShape): CommandShape {
  const own = command.options.filter(({ hidden }) => !hidden).map(optionShape)
  const shape = {
    words: above === undefined ? [] : [...above.words, command.name()],
    description: command.description(),
    options: [...own, ...(above?.options ?? [HELP])],
    argument: argumentOf(command),
    commands: [] as readonly CommandShape[],
  }
  return { ...shape, commands: command.commands.map((child) => shapeOf(child, shape)) }
}

const HELP: OptionShape = { flags: ['--help', '-h'], description: 'show help', value: undefined }

function optionShape(option: Option): OptionShape {
  const flags = [option.long, option.short].filter((flag) => typeof flag === 'string')
  return { flags, description: option.description, value: valueOf(option) }
}

function valueOf(option: Option): OptionShape['value'] {
  if (!option.required && !option.optional) return undefined
  const values = suggestedFor(option)
  if (values !== undefined) return values
  const name = /<(.+)>/.exec(option.flags)?.[1] ?? ''
  if (name === 'folder' || name === 'address') return 'folder'
  return name === 'file' || name === 'path' ? 'file' : 'text'
}

function argumentOf({ registeredArguments }: Command): CommandShape['argument'] {
  const [first] = registeredArguments
  if (first === undefined) return undefined
  return suggestedFor(first) ?? (first.variadic ? 'file' : undefined)
}

/** Every command, the program itself first. */
export function flatten(shape: CommandShape): readonly CommandShape[] {
  return [shape, ...shape.commands.flatMap(flatten)]
}
