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

/** Something secret, not shown while it is typed. Throws 'interrupted' on Ctrl-C. */
export async function askSecret(message: string): Promise<string> {
  const { password, isCancel } = await import('@clack/prompts')
  prepare()
  const answer = await password({ message, output: process.stderr })
  if (isCancel(answer)) throw cancelled()
  return typeof answer === 'string' ? answer : ''
}

export async function askText(message: string): Promise<string> {
  const { text, isCancel } = await import('@clack/prompts')
  prepare()
  const answer = await text({ message, output: process.stderr })
  if (isCancel(answer)) throw cancelled()
  return typeof answer === 'string' ? answer : ''
}

function cancelled(): CairnError {
  return new CairnError('interrupted', 'Cancelled: nothing was changed')
}
