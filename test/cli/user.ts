// A user on a machine of their own: a home folder, a clean environment, the real program. Node's
// compile cache is shared, so that tests do not compile everything again each time.

import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const CAIRN = join(import.meta.dirname, '../../bin/cairn')
const COMPILED = join(realpathSync(tmpdir()), `cairn-compiled-${process.geteuid?.() ?? 0}`)

export interface Done {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A line of --json. */
export type Line = Readonly<Record<string, unknown>> & { readonly event: string }

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  /** What comes on stdin; nothing, and its end, by default. */
  readonly input?: string | Uint8Array
  readonly cwd?: string
  /** A command that runs the program: `['setpriv', '--reuid=65534']`. */
  readonly under?: readonly string[]
}

export class User {
  readonly home: string

  /** At home in a folder of its own below `above`. */
  constructor(above = realpathSync(tmpdir())) {
    this.home = mkdtempSync(join(above, 'cairn-user-'))
    // Others need to get in, where a test runs as someone else.
    chmodSync(this.home, 0o755)
  }

  path(...names: readonly string[]): string {
    return join(this.home, ...names)
  }

  /** Writes files below the home folder; the path of the last one. */
  write(files: Readonly<Record<string, string | Uint8Array>>): string {
    let last = this.home
    for (const [name, content] of Object.entries(files)) {
      last = this.path(name)
      mkdirSync(join(last, '..'), { recursive: true })
      writeFileSync(last, content)
    }
    return last
  }

  /** Settings for a repository of this user that a key file opens: no time goes into a passphrase. */
  get keyed(): Readonly<Record<string, string>> {
    return { CAIRN_REPOSITORY: this.path('repository'), CAIRN_KEY_FILE: this.path('key') }
  }

  start(args: readonly string[], options: RunOptions = {}): ChildProcess {
    const [program = CAIRN, ...rest] = [...(options.under ?? []), CAIRN, ...args]
    return spawn(program, rest, {
      cwd: options.cwd ?? this.home,
      env: {
        PATH: process.env['PATH'],
        HOME: this.home,
        NODE_COMPILE_CACHE: COMPILED,
        ...options.env,
      },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
  }

  run(args: readonly string[], options: RunOptions = {}): Promise<Done> {
    const child = this.start(args, options)
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(options.input ?? '')
    return ended(child)
  }

  /** Runs with --json; its lines, and how it ended. */
  async json(
    args: readonly string[],
    options: RunOptions = {},
  ): Promise<Done & { readonly lines: readonly Line[]; readonly last: Line }> {
    const done = await this.run([...args, '--json'], options)
    const lines = done.stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Line)
    return { ...done, lines, last: lines.at(-1) ?? { event: 'nothing' } }
  }

  remove(): void {
    rmSync(this.home, { recursive: true, force: true })
  }
}

export function ended(child: ChildProcess): Promise<Done> {
  const texts = { stdout: '', stderr: '' }
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (texts.stdout += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (texts.stderr += text))
  return new Promise((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, ...texts }))
  })
}
