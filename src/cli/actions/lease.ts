// `cairn lease`: who says that it is at work, and taking that away.

import { CairnError } from '../../base/errors.ts'
import { endSession, type SessionStatus, sessionsAt } from '../../engine/status.ts'
import type { Context } from '../context.ts'
import { openConfigured } from '../open-repository.ts'
import { jsonSession, sessionLines } from '../session-text.ts'
import { formatNumber } from '../sizes.ts'
import { warnOfSkipped } from '../skipped-objects.ts'

export interface LeaseFlags {
  readonly end?: readonly string[]
}

export async function leaseAction(context: Context, { end = [] }: LeaseFlags): Promise<undefined> {
  const { output, clock } = context
  const { repository } = await openConfigured(context)
  const { sessions, problems } = await sessionsAt(repository, clock.nowMs())
  warnOfSkipped(output, problems)
  // All are looked for before any is ended.
  const chosen = end.map((wanted) => sessionWith(sessions, wanted))
  for (const session of new Set(chosen)) {
    const leases = await endSession(repository, session)
    output.summary(
      `Ended session ${session.id.slice(0, 8)}: ${formatNumber(leases, 'lease')} removed`,
    )
  }
  const left = sessions.filter((session) => !chosen.includes(session))
  if (end.length === 0) for (const line of sessionLines(left)) output.line(line)
  const ended = [...new Set(chosen)].map(({ id }) => id)
  output.event({ event: 'result', sessions: left.map(jsonSession), ended })
  return undefined
}

/** Throws 'not-found' or 'ambiguous'. */
function sessionWith(sessions: readonly SessionStatus[], wanted: string): SessionStatus {
  const found = sessions.filter(({ id }) => id.startsWith(wanted.toLowerCase()))
  const [only] = found
  if (only !== undefined && found.length === 1) return only
  if (only === undefined)
    throw new CairnError('not-found', `There is no session ${wanted}`, {
      hint: '`cairn lease` shows which there are.',
    })
  throw new CairnError('ambiguous', `${wanted} is the beginning of ${found.length} sessions`, {
    hint: 'Give more digits of it.',
  })
}
