// `cairn completion`: scripts for shells, made from the program, so that they know what it knows.

import type { Command } from 'commander'
import { shapeOf } from '../command-shapes.ts'
import { bashScript } from '../completion-bash.ts'
import { fishScript } from '../completion-fish.ts'
import { zshScript } from '../completion-zsh.ts'
import type { Context } from '../context.ts'

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript }

export type Shell = keyof typeof SCRIPTS

export function completionAction(
  { output }: Context,
  { shell, program }: { readonly shell: Shell; readonly program: Command },
): Promise<undefined> {
  const script = SCRIPTS[shell](shapeOf(program))
  output.line(script.trimEnd())
  output.event({ event: 'result', shell, script })
  return Promise.resolve(undefined)
}
