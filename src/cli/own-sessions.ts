// Which sessions this machine has at work, so that the leases of one that was killed do not make prune wait for
// two weeks: the next command on the same repository takes them away. For each session there is a file that
// says which process it belongs to; a process is told from a later one with its number by when it started.
//
// Losing these files loses nothing: then leases run out by themselves, or `cairn lease --end` ends them.

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../base/errors.ts'
import type { Repository } from '../repository/repository.ts'
import { decorate } from '../store/decorate.ts'
import type { Store } from '../store/store.ts'
import type { Context } from './context.ts'

interface OwnSession {
  readonly address: string
  readonly pid: number
  /** When it started, as the kernel counts; with the id of the boot, it is no other process. */
  readonly started: string
}

const LEASE = /^leases\/([0-9a-f]{16,64})\//

/** Ends what was killed, and remembers from now on what is at work. */
export async function withOwnSessions(
  context: Context,
  repository: Repository,
): Promise<Repository> {
  const { store } = repository
  const folder = join(context.places.state, 'sessions')
  await endKilled(context, { store, folder })
  const leases = new Map<string, Set<string>>()
  const tell = (error: unknown) =>
    context.output.detail(`Cannot remember the session: ${messageOf(error)}`)
  const remembering = decorate(store, {
    put: (name, parts) => {
      const session = LEASE.exec(name)?.[1]
      if (session !== undefined) {
        if (!leases.has(session)) attempt(() => remember(folder, { session, store }), tell)
        leases.set(session, (leases.get(session) ?? new Set()).add(name))
      }
      return store.put(name, parts)
    },
    remove: async (name) => {
      await store.remove(name)
      const session = LEASE.exec(name)?.[1]
      const own = session === undefined ? undefined : leases.get(session)
      own?.delete(name)
      if (own?.size === 0)
        attempt(() => rmSync(pathOf(folder, session as string), { force: true }), tell)
    },
  })
  return { ...repository, store: remembering }
}

async function endKilled(
  { output }: Context,
  { store, folder }: { readonly store: Store; readonly folder: string },
): Promise<void> {
  for (const session of sessionsIn(folder)) {
    const known = read(pathOf(folder, session))
    if (known?.address !== store.address || isAlive(known)) continue
    try {
      for await (const { name } of store.list(`leases/${session}/`)) await store.remove(name)
      rmSync(pathOf(folder, session), { force: true })
    } catch (error) {
      // A key or a store that may not remove: it runs out by itself.
      output.detail(`Cannot end the session ${session}, which was killed: ${messageOf(error)}`)
    }
  }
}

function sessionsIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).filter((name) => /^[0-9a-f]{16,64}$/.test(name))
  } catch {
    return [] // there is none yet
  }
}

function read(path: string): OwnSession | undefined {
  try {
    const found = JSON.parse(readFileSync(path, 'utf8')) as Partial<OwnSession>
    const { address, pid, started } = found
    if (typeof address !== 'string' || typeof pid !== 'number' || typeof started !== 'string')
      return undefined
    return { address, pid, started }
  } catch {
    return undefined // cut off: whose it was is not known
  }
}

function remember(
  folder: string,
  { session, store }: { readonly session: string; readonly store: Store },
): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const { pid } = process
  const own: OwnSession = { address: store.address, pid, started: startOf(pid) ?? '' }
  writeFileSync(pathOf(folder, session), JSON.stringify(own), { mode: 0o600 })
}

function isAlive({ pid, started }: OwnSession): boolean {
  const found = startOf(pid)
  return found !== undefined && (started === '' || found === started)
}

/** Undefined where there is no such process; '' where this system does not tell. */
function startOf(pid: number): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name, in brackets, may have anything in it; the 20th field behind it is the start.
    const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
    return `${boot} ${start}`
  } catch {
    return isRunning(pid) ? '' : undefined
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function attempt(act: () => void, tell: (error: unknown) => void): void {
  try {
    act()
  } catch (error) {
    tell(error)
  }
}

function pathOf(folder: string, session: string): string {
  return join(folder, session)
}
