// The completion script for bash (3.2 and later; bash-completion is not needed).

import { type CommandShape, flatten, type OptionShape } from './command-shapes.ts'

export function bashScript(program: CommandShape): string {
  const commands = flatten(program)
  return `# bash completion for cairn, made by \`cairn completion bash\`
_cairn() {
  local word=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} path='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$path \${COMP_WORDS[i]}" in
${paths(commands)}
    esac
  done
  COMPREPLY=()
  case "$path:$previous" in
${commands.flatMap(valueCases).join('\n')}
  esac
  case "$path" in
${commands.map(wordCase).join('\n')}
  esac
}
complete -F _cairn cairn
`
}

const keyOf = ({ words }: CommandShape) => words.map((word) => ` ${word}`).join('')

function paths(commands: readonly CommandShape[]): string {
  const keys = commands.filter(({ words }) => words.length > 0).map((one) => `'${keyOf(one)}'`)
  return `      ${keys.join(' | ')}) path="$path \${COMP_WORDS[i]}" ;;`
}

/** What completes the value of an option, command by command: the same name may mean two things. */
function valueCases(command: CommandShape): readonly string[] {
  return command.options
    .filter(({ value }) => value !== undefined)
    .map((option) => {
      const names = option.flags.map((flag) => `'${keyOf(command)}:${flag}'`).join(' | ')
      return `    ${names}) ${reply(option.value)}; return ;;`
    })
}

function reply(value: OptionShape['value']): string {
  if (value === 'file')
    return 'compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$word"))'
  if (value === 'folder')
    return 'compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- "$word"))'
  if (value === 'text' || value === undefined) return ':'
  return `COMPREPLY=($(compgen -W '${value.join(' ')}' -- "$word"))`
}

function wordCase(command: CommandShape): string {
  const options = command.options.flatMap(({ flags }) => flags).join(' ')
  const choices = command.commands.map(({ words }) => words.at(-1)).join(' ')
  const other =
    choices !== '' ? `COMPREPLY=($(compgen -W '${choices}' -- "$word"))` : reply(command.argument)
  return `    '${keyOf(command)}')
      case "$word" in
        -*) COMPREPLY=($(compgen -W '${options}' -- "$word")) ;;
        *) ${other} ;;
      esac
      ;;`
}
