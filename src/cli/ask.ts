// Questions. Only on a terminal: where there is none, nobody would answer, and what should have been
// given in another way is an error. Questions go to stderr, because stdout is for results.

import { CairnError } from '../base/errors.ts'

/** Whether anyone is there to answer. */
export function canAsk(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY
}

/** Serial lines and some tools say that a terminal has no columns; a column is then a letter wide. */
function prepare(): void {
  if (process.stderr.columns === 0) process.stderr.columns = 80
}

/** Something secret, not shown while it is typed. Throws 'interrupted' on Ctrl-C and Ctrl-D. */
export async function askSecret(message: string): Promise<string> {
  const { password } = await import('@clack/prompts')
  return ask(password, message)
}

/** Throws 'interrupted' on Ctrl-C and Ctrl-D. */
export async function askText(message: string): Promise<string> {
  const { text } = await import('@clack/prompts')
  return ask(text, message)
}

type Prompt = (options: {
  readonly message: string
  readonly output: NodeJS.WriteStream
  readonly signal: AbortSignal
}) => Promise<unknown>

async function ask(prompt: Prompt, message: string): Promise<string> {
  prepare()
  const ended = new AbortController()
  const stop = onEndOfInput(() => ended.abort())
  try {
    const answer = await prompt({ message, output: process.stderr, signal: ended.signal })
    if (typeof answer !== 'string' && answer !== undefined) throw cancelled()
    return answer ?? ''
  } finally {
    stop()
  }
}

/**
 * Calls back when nothing more can be typed: on Ctrl-D, at which readline closes and leaves the prompt
 * waiting for ever, and when the terminal is gone. Returns what ends the listening.
 */
function onEndOfInput(then: () => void): () => void {
  const onKey = (_text: unknown, key: { readonly name?: string; readonly ctrl?: boolean }) => {
    if (key.ctrl === true && key.name === 'd') then()
  }
  const { stdin } = process
  stdin.on('keypress', onKey)
  stdin.on('end', then)
  return () => {
    stdin.off('keypress', onKey)
    stdin.off('end', then)
  }
}

function cancelled(): CairnError {
  return new CairnError('interrupted', 'Cancelled: nothing was changed')
}
