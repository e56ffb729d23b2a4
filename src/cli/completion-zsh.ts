// The completion script for zsh: a function for each command, as _arguments wants it.

import { type CommandShape, flatten, type OptionShape } from './command-shapes.ts'

export function zshScript(program: CommandShape): string {
  return `#compdef cairn
# zsh completion for cairn, made by \`cairn completion zsh\`
${flatten(program).map(functionFor).join('\n')}
if [ "$funcstack[1]" = "_cairn" ]; then
  _cairn "$@"
else
  compdef _cairn cairn
fi
`
}

const nameOf = ({ words }: CommandShape) => ['_cairn', ...words].join('_').replaceAll('-', '_')

function functionFor(command: CommandShape): string {
  const specs = command.options.flatMap(optionSpecs)
  if (command.commands.length === 0) {
    return `${nameOf(command)}() {\n  _arguments -s -S \\\n    ${[...specs, argumentSpec(command)].join(' \\\n    ')}\n}\n`
  }
  const described = command.commands.map(
    ({ words, description }) => `'${words.at(-1) ?? ''}:${escaped(description)}'`,
  )
  const cases = command.commands.map(
    (child) => `      ${child.words.at(-1) ?? ''}) ${nameOf(child)} ;;`,
  )
  return `${nameOf(command)}() {
  local context state state_descr line
  typeset -A opt_args
  _arguments -s -S -C \\
    ${specs.join(' \\\n    ')} \\
    '1: :->command' '*:: :->rest'
  case $state in
  command)
    local -a commands=(${described.join(' ')})
    _describe command commands
    ;;
  rest)
    case $line[1] in
${cases.join('\n')}
    esac
    ;;
  esac
}
`
}

/** One for the long and one for the short name; '*' allows it several times. */
function optionSpecs(option: OptionShape): readonly string[] {
  const value = option.value === undefined ? '' : `:value:${action(option.value)}`
  return option.flags.map((flag) => `'*${flag}[${escaped(option.description)}]${value}'`)
}

function action(value: OptionShape['value']): string {
  if (value === 'file') return '_files'
  if (value === 'folder') return '_files -/'
  if (value === 'text' || value === undefined) return ' '
  return `(${value.join(' ')})`
}

function argumentSpec({ argument }: CommandShape): string {
  return argument === undefined ? "'*:argument:()'" : `'*:argument:${action(argument)}'`
}

function escaped(text: string): string {
  return text.replaceAll("'", "'\\''").replace(/[[\]:]/g, '\\$&')
}
