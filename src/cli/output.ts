// What the program says. Results go to stdout, everything else to stderr, so that a pipe gets
// results only. With --json stdout is NDJSON (docs/json.md) and stderr stays empty. Lines are
// gathered and written in blocks: one write for each of a million lines would take most of the time.

import { styleText } from 'node:util'

/** One line of --json: `event` says what it is. */
export interface Event {
  readonly event: 'progress' | 'problem' | 'warning' | 'item' | 'result' | 'error'
  readonly [field: string]: unknown
}

export interface OutputOptions {
  readonly json: boolean
  readonly quiet: boolean
  readonly verbose: boolean
  /** False: never. True: where stderr is a terminal. */
  readonly color: boolean
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
}

const BLOCK_CHARACTERS = 32 * 1024
const BEHIND_BYTES = 1024 * 1024

export class Output {
  readonly json: boolean
  readonly quiet: boolean
  readonly verbose: boolean
  readonly stdout: NodeJS.WriteStream
  readonly #stderr: NodeJS.WriteStream
  readonly #color: boolean
  /** Where results go. */
  #results: NodeJS.WriteStream
  #lines: string[] = []
  #characters = 0
  /** The line at the bottom of the terminal that is painted over and over. */
  #status = ''
  #closed = false
  #failure: Error | undefined

  constructor(options: OutputOptions) {
    this.json = options.json
    this.quiet = options.quiet
    this.verbose = options.verbose
    this.stdout = options.stdout
    this.#stderr = options.stderr
    this.#results = options.stdout
    this.#color = options.color && options.stderr.isTTY
    // Who closes the pipe has read enough: `cairn ls latest | head`.
    // Anything else (a full disk) is a failure, for what was asked for is not there.
    options.stdout.on('error', (error: Error) => {
      this.#closed = true
      if (isEpipe(error)) return
      this.#failure ??= error
    })
    options.stderr.on('error', () => undefined)
  }

  /** From now on stdout is for data: everything that would go there goes to stderr. */
  giveStdoutAway(): void {
    this.#results = this.#stderr
  }

  /** Nobody reads stdout any more: what only lists can stop. */
  get closed(): boolean {
    return this.#closed
  }

  /**
   * To be waited for, where it is there, by what lists much: whoever reads stdout is slower than it is
   * written, and what waits is in memory.
   */
  get behind(): Promise<void> | undefined {
    return this.stdout.writableLength > BEHIND_BYTES ? drained(this.stdout) : undefined
  }

  /** Why stdout could not be written; nothing where its reader has only closed it. */
  get failure(): Error | undefined {
    return this.#failure
  }

  get isTerminal(): boolean {
    return this.#stderr.isTTY
  }

  get columns(): number {
    const columns = this.#stderr.isTTY ? this.#stderr.columns : 0
    return columns > 0 ? columns : 80
  }

  /** A line of --json; nothing without it. */
  event(event: Event): void {
    if (this.json) this.#print(JSON.stringify(event, exactNumbers))
  }

  /** Part of the result, for people. */
  line(text: string): void {
    if (!this.json) this.#print(text)
  }

  /** The result of work that speaks for itself: left out with --quiet. */
  summary(text: string): void {
    if (!this.quiet) this.line(text)
  }

  /** Something to know, not part of the result; left out with --quiet. */
  note(text: string): void {
    if (!this.quiet && !this.json) this.#tell(text)
  }

  /** Only with --verbose. */
  detail(text: string): void {
    if (this.verbose && !this.json) this.#tell(this.#styled('dim', text))
  }

  /** Something to look after that stops nothing. `code` is for programs. */
  warning(code: string, text: string): void {
    if (this.json) this.event({ event: 'warning', code, message: text })
    else this.#tell(`${this.#styled('yellow', 'warning:')} ${text}`)
  }

  /** What went wrong with a single file: never left out. */
  problem(text: string, event: Readonly<Record<string, unknown>>): void {
    if (this.json) this.event({ ...event, event: 'problem' })
    else this.#tell(text)
  }

  error(text: string, hint?: string): void {
    if (this.json) return
    this.#tell(`${this.#styled('red', 'cairn:')} ${text}`)
    if (hint !== undefined) this.#tell(hint)
  }

  /** Tells that stdout failed: on stderr even with --json, whose events nobody got. */
  unwritten(failure: Error): void {
    this.#tell(`${this.#styled('red', 'cairn:')} Cannot write the output: ${failure.message}`)
    this.#tell('See to where stdout leads: `df` shows which file system is full.')
  }

  /** Paints the status line anew; '' takes it away. Terminals only. */
  status(text: string): void {
    if (!this.#stderr.isTTY || text === this.#status) return
    this.#status = text
    this.#stderr.write(`\r\x1b[K${text}`)
  }

  /** Writes out what has been gathered. */
  flush(): void {
    if (this.#lines.length === 0) return
    if (!this.#closed) this.#results.write(`${this.#lines.join('\n')}\n`)
    this.#lines = []
    this.#characters = 0
  }

  /**
   * Returns when everything is with the system, or nobody wants it. What stdout did not take is in
   * `failure` then.
   */
  async end(): Promise<void> {
    this.status('')
    this.flush()
    await Promise.all([drained(this.stdout), drained(this.#stderr)])
    // Streams tell of their failures a little later.
    await new Promise((resolve) => setImmediate(resolve))
  }

  #print(line: string): void {
    this.#lines.push(line)
    this.#characters += line.length
    // Who looks at the terminal, or at events of work in progress, wants each line now.
    if (this.json || this.#results.isTTY || this.#characters > BLOCK_CHARACTERS) this.#flushAround()
  }

  #flushAround(): void {
    if (this.#status !== '' && this.#results.isTTY) this.#stderr.write('\r\x1b[K')
    this.flush()
    if (this.#status !== '' && this.#results.isTTY) this.#stderr.write(this.#status)
  }

  #tell(text: string): void {
    this.flush()
    const before = this.#status === '' ? '' : '\r\x1b[K'
    this.#stderr.write(`${before}${text}\n${this.#status}`)
  }

  #styled(style: 'red' | 'yellow' | 'dim', text: string): string {
    return this.#color ? styleText(style, text, { validateStream: false }) : text
  }
}

function drained(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.writableLength === 0) resolve()
    else stream.write('', () => resolve())
  })
}

/** Who reads a pipe has closed it. */
export function isEpipe(error: Error): boolean {
  return 'code' in error && error.code === 'EPIPE'
}

/** Integers that a number cannot hold go out as text. */
function exactNumbers(_key: string, value: unknown): unknown {
  if (typeof value !== 'bigint') return value
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : String(value)
}
