// The real program under kill -9 at random moments. What holds after every kill:
//
// 1. `check` finds nothing wrong.
// 2. Every snapshot that a backup reported as saved is listed, unless it was asked to be forgotten.
// 3. What is listed and confirmed restores byte for byte.
// 4. The next run of the same command does what the killed one was to do.
// 5. Where parts of the index were lost, a repair that was killed leaves no more to do than before.
// 6. A copy that `sync` was making has no snapshot that does not restore.
// 7. Where packs were damaged, a repair from that copy that was killed has lost no snapshot, and the next one ends with
//    nothing wrong in all that is stored.
// 8. Where the repository was rolled back and nothing in it tells of it, a repair from that copy that was killed has
//    brought back what is whole and counts, or nothing; and the next one all that there was.
// 9. What `copy` has brought into another repository is whole there, and is what was saved.

import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { seededRandom } from '../../src/store/seeded-random.ts'
import { type Done, User } from '../cli/user.ts'
import { noise } from '../repositories/sample.ts'

const CAIRN = join(import.meta.dirname, '../../bin/cairn')
const FILES = 40
const FILE_BYTES_MAX = 400_000
/** A whole run of a command takes about so long, until it is known. */
const RUN_MS = 300

/** So many backups are lost where a repository is rolled back, and that somebody forgot one of them. */
const ROLLED_BACK = 3

/** The newest so many are never forgotten. */
const KEPT = 3

const COMMANDS = {
  backup: ['backup'],
  forget: ['forget', '--keep-last', String(KEPT)],
  prune: ['prune', '--grace', '2s', '--undelete-window', '4s', '--max-unused', '0%'],
  sync: ['sync'],
  repair: ['repair'],
  'repair-packs': ['repair', '--read-data'],
  'repair-rolled-back': ['repair'],
  copy: ['copy'],
} as const

export type Operation = keyof typeof COMMANDS

const SEEN_AFTERWARDS: ReadonlySet<Operation> = new Set([
  'forget',
  'repair',
  'repair-packs',
  'repair-rolled-back',
])

interface Listed {
  readonly id: string
  /** Of what it is a copy. */
  readonly original?: { readonly id: string }
}

export class Storm {
  readonly #user = new User()
  readonly #random: () => number
  /** What each saved snapshot has: paths with digests. */
  readonly #saved = new Map<string, string>()
  /** The same, also of what was forgotten since: copies of it are there still. */
  readonly #digests = new Map<string, string>()
  readonly killed = new Map<Operation, number>()
  /** How long each command took, the last time that it came to its end. */
  readonly #runMs = new Map<Operation, number>()
  #files = 0

  constructor(seed: number) {
    this.#random = seededRandom(seed)
  }

  get #source(): string {
    return this.#user.path('source')
  }

  get #copy(): string {
    return this.#user.path('copy')
  }

  /** Another repository, with other keys. */
  get #other(): string {
    return this.#user.path('other')
  }

  async begin(): Promise<void> {
    this.#expectDone(await this.#run(['init', '--key-file', this.#user.path('key')]), 'init')
    const other = ['init', '-r', this.#other, '--key-file', this.#user.path('other-key')]
    this.#expectDone(await this.#run(other), 'init')
    mkdirSync(this.#source)
    while (this.#files < FILES) this.#write()
    await this.#backUp()
  }

  end(): void {
    this.#user.remove()
  }

  /** Changes the source, runs a command and kills it somewhere; looks at everything; runs it to its end. */
  async strike(operation: Operation): Promise<void> {
    this.#change()
    const isDamaged = operation === 'repair-packs'
    const isRolledBack = operation === 'repair-rolled-back'
    if (isDamaged) await this.#damagePacks()
    if (isRolledBack) await this.#rollBack()
    if (operation === 'repair') this.#loseIndex()
    const args = this.#argsOf(operation)
    // A backup that was killed may be among them without anybody knowing that it was saved.
    const mayGo =
      operation === 'forget' ? (await this.#listed()).slice(0, -KEPT).map(({ id }) => id) : []
    const isKilled = await this.#killed(args, this.#runMs.get(operation) ?? RUN_MS)
    if (isKilled) this.killed.set(operation, (this.killed.get(operation) ?? 0) + 1)
    await this.#expectSound({ isDamaged, isRolledBack, mayGo })
    await this.#endSessions()
    const began = performance.now()
    if (operation === 'backup') await this.#backUp()
    else {
      this.#expectDone(await this.#run(args), operation)
      if (SEEN_AFTERWARDS.has(operation)) await this.#expectSound({ mayGo })
      if (isDamaged)
        this.#expectDone(await this.#run(['check', '--read-data']), 'check of all data')
    }
    this.#runMs.set(operation, performance.now() - began)
    await this.#expectOneRestores()
  }

  /** Everything that is listed, restored and compared; all data read. */
  async expectAll(): Promise<void> {
    for (const place of [[], this.#inOther]) {
      this.#expectDone(await this.#run(['check', '--read-data', ...place]), 'check')
      for (const listed of await this.#listed(place)) await this.#expectRestores(listed, place)
    }
  }

  #argsOf(operation: Operation): readonly string[] {
    if (operation === 'backup') return [...COMMANDS.backup, this.#source]
    if (operation === 'sync') return [...COMMANDS.sync, '--to', this.#copy]
    if (operation === 'copy') return [...COMMANDS.copy, '--to', this.#other]
    if (operation === 'repair-packs' || operation === 'repair-rolled-back')
      return [...COMMANDS[operation], '--from', this.#copy]
    if (operation === 'prune' && this.#random() < 0.5) return [...COMMANDS.prune, '--compact']
    return COMMANDS[operation]
  }

  /** Takes some segments of the index away: packs have all that it takes to make them again. */
  #loseIndex(): void {
    const folder = this.#user.path('repository/index')
    const segments = readdirSync(folder, { recursive: true, withFileTypes: true })
    const files = segments.filter((one) => one.isFile())
    for (const { parentPath, name } of files)
      if (files.length === 1 || this.#random() < 0.5) unlinkSync(join(parentPath, name))
  }

  /** Flips a bit of one pack and cuts off another one; the copy has both as they were. */
  async #damagePacks(): Promise<void> {
    this.#expectDone(await this.#run(['sync', '--to', this.#copy]), 'sync')
    const folder = this.#user.path('repository/packs')
    const listed = readdirSync(folder, { recursive: true, withFileTypes: true })
    const packs = listed.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name))
    for (const isCut of [false, true]) {
      const path = packs[Math.floor(this.#random() * packs.length)] as string
      const bytes = readFileSync(path)
      const at = Math.floor(this.#random() * bytes.length)
      bytes[at] = (bytes[at] as number) ^ 1
      rmSync(path)
      writeFileSync(path, isCut ? bytes.subarray(0, at) : bytes)
    }
  }

  /** Takes away all that came with the newest backups, and what this machine remembers; the copy has it. */
  async #rollBack(): Promise<void> {
    const before = new Set(this.#objects())
    for (let i = 0; i < ROLLED_BACK; i++) {
      this.#change()
      await this.#backUp()
    }
    const forgotten = [...this.#saved.keys()].at(-2) as string
    this.#expectDone(await this.#run(['forget', forgotten]), 'forget')
    this.#saved.delete(forgotten)
    this.#expectDone(await this.#run(['sync', '--to', this.#copy]), 'sync')
    for (const path of this.#objects()) if (!before.has(path)) unlinkSync(path)
    for (const folder of ['.local/state', '.cache'])
      rmSync(join(this.#user.home, folder), { recursive: true, force: true })
  }

  #objects(): readonly string[] {
    return ['packs', 'index', 'snapshots', 'receipts', 'forgets', 'sightings'].flatMap((folder) => {
      const path = this.#user.path('repository', folder)
      if (!existsSync(path)) return []
      const listed = readdirSync(path, { recursive: true, withFileTypes: true })
      return listed.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name))
    })
  }

  async #backUp(): Promise<void> {
    const done = await this.#run(['backup', this.#source, '--json'])
    this.#expectDone(done, 'backup')
    const last = JSON.parse(done.stdout.trim().split('\n').at(-1) ?? '{}') as { snapshot: string }
    const digest = digestOf(this.#source)
    this.#saved.set(last.snapshot, digest)
    this.#digests.set(last.snapshot, digest)
  }

  /** Whether it was still at work. */
  #killed(args: readonly string[], withinMs: number): Promise<boolean> {
    const child = spawn(CAIRN, args, { env: this.#env, stdio: 'ignore', detached: true })
    const timer = setTimeout(
      () => child.pid !== undefined && kill(-child.pid),
      withinMs * this.#random(),
    )
    return new Promise((resolve) => {
      child.on('close', (_, signal) => {
        clearTimeout(timer)
        resolve(signal === 'SIGKILL')
      })
    })
  }

  async #expectSound({
    isDamaged = false,
    isRolledBack = false,
    mayGo,
  }: {
    readonly isDamaged?: boolean
    /** Whether newest snapshots are gone that only the copy has. */
    readonly isRolledBack?: boolean
    /** Ids of what is being forgotten. */
    readonly mayGo: readonly string[]
  }): Promise<void> {
    const done = await this.#run(['check'])
    if (!isDamaged || done.code !== 1) this.#expectDone(done, 'check')
    const listed = (await this.#listed()).map(({ id }) => id)
    for (const id of this.#saved.keys()) {
      if (listed.includes(id) || isRolledBack) continue
      if (!mayGo.includes(id))
        throw new Error(`snapshot ${id} was saved, and is gone; there are ${listed.join(', ')}`)
      this.#saved.delete(id)
    }
    const copy = await this.#run(['check', '-r', this.#copy])
    if (copy.code !== 0 && copy.code !== 10) throw failed('check of the copy', copy)
    this.#expectDone(await this.#run(['check', ...this.#inOther]), 'check of the other repository')
  }

  async #expectOneRestores(): Promise<void> {
    const place = this.#random() < 0.2 ? this.#inOther : []
    const all = await this.#listed(place)
    const one = all[Math.floor(this.#random() * all.length)]
    if (one !== undefined) await this.#expectRestores(one, place)
  }

  async #expectRestores({ id, original }: Listed, place: readonly string[]): Promise<void> {
    const target = this.#user.path('target')
    rmSync(target, { recursive: true, force: true })
    const what = `${id}:${this.#source}`
    const done = await this.#run(['restore', what, '--target', target, ...place])
    this.#expectDone(done, `restore of ${id}`)
    const expected = this.#digests.get(original?.id ?? id)
    // One of a killed run may have been confirmed without anybody knowing.
    if (expected !== undefined && digestOf(target) !== expected)
      throw new Error(`snapshot ${id} restores, and is not what was saved`)
  }

  /** What was killed has left its leases: nobody is at work. */
  async #endSessions(): Promise<void> {
    const done = await this.#run(['lease', '--json'])
    const { sessions } = JSON.parse(done.stdout) as { sessions: { session: string }[] }
    for (const { session } of sessions)
      this.#expectDone(await this.#run(['lease', '--end', session]), 'lease')
  }

  async #listed(place: readonly string[] = []): Promise<readonly Listed[]> {
    const done = await this.#run(['snapshots', '--json', ...place])
    this.#expectDone(done, 'snapshots')
    const { snapshots } = JSON.parse(done.stdout.trim().split('\n').at(-1) ?? '{}') as {
      snapshots: Listed[]
    }
    return snapshots
  }

  get #inOther(): readonly string[] {
    return ['-r', this.#other, '--key-file', this.#user.path('other-key')]
  }

  #change(): void {
    for (let i = 0; i < 3; i++) {
      const names = readdirSync(this.#source)
      const name = names[Math.floor(this.#random() * names.length)]
      if (name !== undefined && this.#random() < 0.5) unlinkSync(join(this.#source, name))
      this.#write()
    }
  }

  #write(): void {
    const number = this.#files++
    const bytes = Math.floor(FILE_BYTES_MAX * this.#random())
    writeFileSync(join(this.#source, `file-${number}`), noise(bytes, number))
  }

  get #env(): Readonly<Record<string, string>> {
    return {
      PATH: process.env['PATH'] ?? '',
      HOME: this.#user.home,
      CAIRN_REPOSITORY: this.#user.path('repository'),
      CAIRN_KEY_FILE: this.#user.path('key'),
      CAIRN_TO_KEY_FILE: this.#user.path('other-key'),
    }
  }

  #run(args: readonly string[]): Promise<Done> {
    return this.#user.run(args, { env: this.#env })
  }

  #expectDone(done: Done, what: string): void {
    if (done.code !== 0) throw failed(what, done)
  }
}

function failed(what: string, { code, stdout, stderr }: Done): Error {
  return new Error(`${what} ended with ${code}: ${stdout}\n${stderr}`)
}

function kill(group: number): void {
  try {
    process.kill(group, 'SIGKILL')
  } catch (error) {
    // It has just ended.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Of all files of a folder: their names and contents. */
function digestOf(folder: string): string {
  const hash = createHash('sha256')
  for (const name of readdirSync(folder).sort()) {
    const path = join(folder, name)
    hash.update(`${name} ${statSync(path).size} `).update(readFileSync(path))
  }
  return hash.digest('hex')
}
