// The completion script for fish: one `complete` line for each option and command.

import { type CommandShape, flatten, type OptionShape } from './command-shapes.ts'

export function fishScript(program: CommandShape): string {
  const lines = flatten(program).flatMap((command) => [
    ...command.commands.map((child) => commandLine(command, child)),
    ...command.options.map((option) => optionLine(command, option)),
    ...argumentLines(command),
  ])
  return `# fish completion for cairn, made by \`cairn completion fish\`
function __cairn_at
    set -l words
    for word in (commandline -opc)[2..]
        string match -q -- '-*' $word; or set -a words $word
    end
    test (count $words) -ge (count $argv); or return 1
    test "$words[1..$(count $argv)]" = "$argv"
end
function __cairn_no_command
    for word in (commandline -opc)[2..]
        contains -- $word ${program.commands.map(({ words }) => words.at(-1)).join(' ')}; and return 1
    end
    return 0
end
complete -c cairn -f
${lines.join('\n')}
`
}

/** When a line applies. */
function condition({ words, commands }: CommandShape): string {
  if (words.length === 0) return "-n '__cairn_no_command'"
  const names = commands.map((child) => child.words.at(-1)).join(' ')
  const not = names === '' ? '' : `; and not __fish_seen_subcommand_from ${names}`
  return `-n '__cairn_at ${words.join(' ')}${not}'`
}

function commandLine(command: CommandShape, child: CommandShape): string {
  const name = child.words.at(-1) ?? ''
  return `complete -c cairn ${condition(command)} -a ${name} -d ${quoted(child.description)}`
}

function optionLine(command: CommandShape, option: OptionShape): string {
  const names = option.flags.map((flag) =>
    flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
  )
  const parts = [...names, ...valueParts(option.value), '-d', quoted(option.description)]
  return `complete -c cairn ${condition(command)} ${parts.join(' ')}`
}

function valueParts(value: OptionShape['value']): readonly string[] {
  if (value === undefined) return []
  if (value === 'file') return ['-rF']
  if (value === 'folder') return ['-x', "-a '(__fish_complete_directories)'"]
  return value === 'text' ? ['-x'] : ['-x', `-a ${quoted(value.join(' '))}`]
}

function argumentLines(command: CommandShape): readonly string[] {
  const { argument } = command
  if (argument === undefined) return []
  const parts = argument === 'file' ? '-F' : `-a ${quoted(argument.join(' '))}`
  return [`complete -c cairn ${condition(command)} ${parts}`]
}

function quoted(text: string): string {
  return `'${text.replace(/['\\]/g, '\\$&')}'`
}
