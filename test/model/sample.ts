// Sampling: many actors of production code in one random order of what can happen, with faults of every kind.
// Which actor goes on, which of its calls is answered and how, what goes wrong and how far time jumps: every
// decision is a number in a list, and the run is a function of that list (decisions.ts). Afterwards all faults
// are off, everybody comes to an end, and what is left is looked at (sample-rest.ts).
//
// Assumed, as by the protocol (design, section 5):
// - a listing lags at most L behind, each name by itself or the whole of it; get and stat do not;
// - a put or remove that was given up takes effect at most R later, or never;
// - the store's clock does not jump; a sleep lasts as long as it says, or longer; clocks of machines do anything;
// - puts are atomic, but for the fault that cuts them off, which no mark ever meets;
// - marks are what upkeep made; nobody but the actors puts anything; leases are put when a session begins.
//
// What must hold at any time: 1, 2, 4 and, where no store fails, 5 of invariants.ts; of 4 it is no breach that
// a put is tried again, by whoever never knew that it had worked. That an actor fails is none where the store
// does, if it fails as the store did and not by a mistake of its own.

import { START_MS } from './configuration.ts'
import { type DecisionSource, Decisions } from './decisions.ts'
import { COPY } from './places.ts'
import { type Asked, SampleActor, type SampleAnswer } from './sample-actor.ts'
import {
  EVENTS,
  type EventKind,
  lagMsOf,
  lateMsOf,
  type SampleConfiguration,
  STRONG,
  WEAK,
} from './sample-configurations.ts'
import { Faults, outcomeOf, type StoreCall } from './sample-faults.ts'
import {
  forgetterOf,
  prunerOf,
  removerOf,
  sampleWorld,
  syncerOf,
  writerOf,
} from './sample-programs.ts'
import { expectAtRest, expectCopyAtRest } from './sample-rest.ts'
import { SampleStore } from './sample-store.ts'
import { NotPromised, Watch } from './sample-watch.ts'
import { atCopy } from './sync-actors.ts'
import { HOUR_MS, type World } from './world.ts'

export interface Sampled {
  readonly decisions: readonly number[]
  readonly trace: readonly string[]
  /** How often each thing happened. */
  readonly counts: ReadonlyMap<string, number>
  /** What is wrong, or undefined. */
  readonly violation: string | undefined
}

/** Runs once. The same source gives the same run, in every process. */
export async function sample(
  configuration: SampleConfiguration,
  source: DecisionSource,
  { stepsMax = configuration.stepsMax }: { readonly stepsMax?: number | undefined } = {},
): Promise<Sampled> {
  const world = await worldOf(configuration.domains)
  const run = new SampleRun(configuration, { world, decisions: new Decisions(source) })
  const violation = await run.go(stepsMax)
  const { trace, counts, decisions } = run
  return { decisions: decisions.taken, trace, counts, violation }
}

const worlds = new Map<number, Promise<World>>()

function worldOf(domains: 1 | 2): Promise<World> {
  const world = worlds.get(domains) ?? sampleWorld(domains)
  worlds.set(domains, world)
  return world
}

const MINUTE_MS = 60_000
const JUMPS_MS = [1000, MINUTE_MS, 600_000, HOUR_MS, 25 * HOUR_MS, 192 * HOUR_MS, 744 * HOUR_MS]
const JUMP_CHANCES = [4, 4, 4, 4, 4, 1, 1]
const SUSPENSIONS_MS = [HOUR_MS, 25 * HOUR_MS, 192 * HOUR_MS, 744 * HOUR_MS]
const YEARS_MS = 5 * 365 * 24 * HOUR_MS
/** Of those that come after killed ones and of twins, so that a run has an end. */
const ACTORS_MORE = 6

class SampleRun {
  readonly decisions: Decisions
  readonly trace: string[] = []
  readonly counts = new Map<string, number>()
  readonly #configuration: SampleConfiguration
  readonly #world: World
  readonly #store: SampleStore
  readonly #watch: Watch
  readonly #actors: SampleActor[] = []
  readonly #faults: Faults
  #current: SampleActor | undefined
  #started = 0
  /** Which texts actors save, how long they pause. */
  #luck = 0

  constructor(
    configuration: SampleConfiguration,
    { world, decisions }: { readonly world: World; readonly decisions: Decisions },
  ) {
    this.#configuration = configuration
    this.decisions = decisions
    this.#world = world
    const { strongListing } = configuration
    this.#store = new SampleStore({
      nowMs: START_MS,
      lagMs: lagMsOf(strongListing),
      capabilities: strongListing ? STRONG : WEAK,
    })
    this.#watch = new Watch({ world, store: this.#store, mayFail: configuration.mayFail })
    this.#faults = new Faults({
      configuration,
      store: this.#store,
      watch: this.#watch,
      decisions,
      onLate: (call, actor) => this.#tell(actor, call, 'takes effect late'),
      onRefused: () => this.#count('refused: no space'),
    })
  }

  /** Returns what is wrong. */
  async go(stepsMax: number): Promise<string | undefined> {
    try {
      await this.#begin()
      for (let step = 0; step < stepsMax && !this.#haveEnded; step++) await this.#step()
      await this.#comeToRest()
      return undefined
    } catch (error) {
      if (error instanceof NotPromised) {
        this.#count('given up: no more is promised')
        return undefined
      }
      return error instanceof Error ? error.message : String(error)
    } finally {
      for (const actor of this.#actors) await actor.kill()
    }
  }

  async #begin(): Promise<void> {
    const { store } = this.#world
    for await (const { name, storedAtMs } of store.list(''))
      this.#store.put(name, await store.get(name), storedAtMs)
    this.#luck = 1 + this.decisions.below(1000)
    if (this.#configuration.syncers > 0) await this.#beginCopy()
    const { writers, backups, pruners, pruneRuns, removers, forgetters, domains, graceMs } =
      this.#configuration
    const world = this.#world
    const reports = this.#watch
    for (let i = 0; i < writers; i++) {
      const options = { source: `source-${i}`, domain: i % domains, backups, ...reports.own }
      await this.#start(`writer ${i}`, writerOf(world, options))
    }
    for (let i = 0; i < pruners; i++)
      await this.#start(
        `pruner ${i}`,
        prunerOf(world, { runs: pruneRuns, graceMs, ...reports.own }),
      )
    for (let i = 0; i < removers; i++)
      await this.#start(`remover ${i}`, removerOf(world, { turns: 4, ...reports.own }))
    for (let i = 0; i < forgetters; i++)
      await this.#start(`forgetter ${i}`, forgetterOf(world, { turns: 3, ...reports.own }))
  }

  /** Dead packs of everything, as at the source. */
  async #beginCopy(): Promise<void> {
    const { copy } = this.#world
    for await (const { name, storedAtMs } of copy.list(''))
      this.#store.put(`${COPY}${name}`, await copy.get(name), storedAtMs)
    const { syncers, backups, copyPruners, pruneRuns, graceMs } = this.#configuration
    const reports = this.#watch.own
    for (let i = 0; i < syncers; i++)
      await this.#start(`syncer ${i}`, syncerOf(this.#world, { turns: 2 * backups, ...reports }))
    const upkeep = prunerOf(this.#world, { runs: pruneRuns, graceMs, ...reports })
    for (let i = 0; i < copyPruners; i++)
      await this.#start(`pruner of the copy ${i}`, atCopy(this.#world, upkeep))
  }

  async #start(name: string, program: SampleActor['options']['program']): Promise<void> {
    const { capabilities } = this.#store
    const { seesLeases } = this.#configuration
    const seed = 100 * this.#luck + this.#started++
    const nowMs = () => this.#store.nowMs
    const options = { name, program, seed, capabilities, seesLeases, nowMs }
    this.#actors.push(await SampleActor.start(options))
  }

  get #haveEnded(): boolean {
    return this.#actors.every(({ hasEnded }) => hasEnded)
  }

  async #step(): Promise<void> {
    this.decisions.beginStep()
    const { events } = this.#configuration
    const mayBeMore = this.#started < this.#actorsMax
    const weights = EVENTS.map((kind) => {
      if ((kind === 'killed' || kind === 'cloned') && !mayBeMore) return 0
      return kind === 'answer' ? 1 : (events[kind] ?? 0) * this.decisions.mood(kind)
    })
    const event = EVENTS[this.decisions.choose(weights)] as EventKind
    if (event !== 'answer') this.#count(event)
    if (event === 'answer') await this.#answerOne()
    else if (event === 'time passes') this.#jump()
    else if (event === 'no space') this.#fillUp()
    else await this.#happenToOne(event)
  }

  async #happenToOne(event: EventKind): Promise<void> {
    const living = this.#actors.filter(({ hasEnded }) => !hasEnded)
    // Most of all to the one that is in the middle of something.
    living.sort((a, b) => Number(b === this.#current) - Number(a === this.#current))
    const actor = living[this.decisions.choose(living.map((_, i) => (i === 0 ? 2 : 1)))]
    if (actor === undefined) return
    if (event === 'suspended') this.#suspend(actor)
    else if (event === 'killed') await this.#kill(actor)
    else if (event === 'cloned') await this.#clone(actor)
    else this.#stealClock(actor)
  }

  get #actorsMax(): number {
    const { writers, pruners, removers, forgetters } = this.#configuration
    return writers + pruners + removers + forgetters + ACTORS_MORE
  }

  /** Answers one of the calls that wait, or lets the time pass until there is one. */
  async #answerOne(): Promise<void> {
    const ready = this.#ready()
    if (ready.length === 0) {
      this.#wait()
      return
    }
    const { stickiness } = this.decisions
    const weights = ready.map(({ actor }, i) =>
      i === 0 && actor === this.#current ? stickiness : 1,
    )
    const { actor, asked } = ready[this.decisions.choose(weights)] as Ready
    this.#current = actor
    const answer = asked.reply ?? this.#answerTo(asked, actor)
    if (answer !== undefined) await actor.answer(asked, answer)
    this.#watch.expectReported()
  }

  /** The actor that went on last comes first, then the others; of each the older calls. */
  #ready(): readonly Ready[] {
    const { nowMs } = this.#store
    const others = this.#actors.filter((actor) => actor !== this.#current)
    const actors = this.#current === undefined ? others : [this.#current, ...others]
    return actors
      .filter(({ suspendedUntilMs }) => suspendedUntilMs <= nowMs)
      .flatMap((actor) =>
        actor.asked.filter(({ wakeMs }) => wakeMs <= nowMs).map((asked) => ({ actor, asked })),
      )
  }

  #wait(): void {
    const wakes = this.#actors.flatMap(({ asked, suspendedUntilMs }) =>
      asked.map(({ wakeMs }) => Math.max(wakeMs, suspendedUntilMs)),
    )
    if (wakes.length === 0) throw new Error('an actor waits for something that is not ours')
    this.#store.advanceTo(Math.min(...wakes, this.#store.nextLateMs))
  }

  /** The answer, or undefined where it comes later. */
  #answerTo(asked: Asked, actor: SampleActor): SampleAnswer | undefined {
    const { call } = asked
    if (call.kind === 'sleep') return { kind: 'done' }
    const fault = this.#faults.choose(call, actor)
    if (fault !== 'none') this.#count(fault)
    const answer = this.#faults.answer(call, { fault, actor })
    this.#tell(actor, call, fault === 'none' ? outcomeOf(answer) : `${fault}, ${outcomeOf(answer)}`)
    if (call.name.startsWith('index/') && answer.kind === 'missing') this.#count('404 of an index')
    if (answer.kind === 'put') this.#watch.acknowledge(call.name)
    if (fault !== 'slow') return answer
    asked.reply = answer
    asked.wakeMs = this.#store.nowMs + this.#oneOf(SUSPENSIONS_MS)
    return undefined
  }

  #jump(): void {
    const ms = JUMPS_MS[this.decisions.choose(JUMP_CHANCES)] as number
    this.#note(`${ms / 1000} s pass`)
    this.#store.advanceTo(this.#store.nowMs + ms)
  }

  #fillUp(): void {
    const fromBytes = this.#oneOf([0, 1000])
    const untilMs = this.#store.nowMs + this.#oneOf([HOUR_MS, 25 * HOUR_MS])
    this.#faults.fill({ fromBytes, untilMs })
    this.#note(`the store is full, for objects from ${fromBytes} bytes on`)
  }

  #suspend(actor: SampleActor): void {
    const ms = this.#oneOf(SUSPENSIONS_MS)
    this.#note(`${actor.options.name} is suspended for ${ms / HOUR_MS} h`)
    actor.suspendedUntilMs = this.#store.nowMs + ms
  }

  /** What is on its way arrives now, later or never; another process takes the place of this one. */
  async #kill(actor: SampleActor): Promise<void> {
    this.#note(`${actor.options.name} is killed`)
    for (const { call, reply } of actor.asked) {
      if ((call.kind !== 'put' && call.kind !== 'remove') || reply !== undefined) continue
      const arrives = this.decisions.below(3)
      if (arrives === 1) this.#faults.effect(call, actor)
      if (arrives === 2) this.#faults.lateEffect(call, actor)
      if (arrives > 0) this.#tell(actor, call, arrives === 1 ? 'arrives' : 'will arrive late')
    }
    await actor.kill()
    await this.#start(`${actor.options.name}'`, actor.options.program)
  }

  async #clone(actor: SampleActor): Promise<void> {
    const { name, seed } = actor.options
    this.#note(`${name} gets a twin`)
    this.#started++
    this.#watch.hasTwin(seed)
    this.#actors.push(await actor.clone(`twin of ${name}`))
  }

  #stealClock(actor: SampleActor): void {
    const to = this.decisions.below(3)
    this.#note(`the clock of ${actor.options.name} ${['goes ahead', 'goes back', 'stops'][to]}`)
    if (to === 2) actor.stopClock()
    else actor.offsetMs = to === 0 ? YEARS_MS : -YEARS_MS
  }

  async #comeToRest(): Promise<void> {
    this.#faults.fill({ fromBytes: 0, untilMs: 0 })
    for (const actor of this.#actors) {
      actor.suspendedUntilMs = 0
      for (const asked of actor.asked) if (asked.reply !== undefined) asked.wakeMs = 0
    }
    this.#note('everything comes to rest')
    while (!this.#haveEnded) {
      const [first] = this.#ready()
      if (first === undefined) this.#wait()
      else await this.#plainly(first)
    }
    const { strongListing, graceMs } = this.#configuration
    const restMs = 2 * lagMsOf(strongListing) + lateMsOf(strongListing) + graceMs + 1000
    this.#store.advanceTo(this.#store.nowMs + restMs)
    const [world, store] = [this.#world, this.#store]
    const options = { world, store, graceMs, watch: this.#watch }
    const left = await expectAtRest(options)
    if (this.#configuration.syncers > 0) left.push(...(await expectCopyAtRest(options)))
    for (const kind of left) this.#count(kind)
  }

  async #plainly({ actor, asked }: Ready): Promise<void> {
    this.#current = actor
    const { call } = asked
    const answer =
      asked.reply ??
      (call.kind === 'sleep' ? ({ kind: 'done' } as const) : this.#faults.effect(call, actor))
    if (call.kind !== 'sleep') this.#tell(actor, call, outcomeOf(answer))
    await actor.answer(asked, answer)
    this.#watch.expectReported()
  }

  #oneOf(numbers: readonly number[]): number {
    return numbers[this.decisions.below(numbers.length)] as number
  }

  #count(kind: string): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1)
  }

  #tell({ options }: SampleActor, call: StoreCall, outcome: string): void {
    this.#note(`${options.name}: ${call.kind} ${call.name.slice(0, 20)}: ${outcome}`)
  }

  #note(line: string): void {
    const seconds = (this.#store.nowMs - START_MS) / 1000
    this.trace.push(`${seconds.toFixed(1).padStart(11)} s  ${line}`)
  }
}

interface Ready {
  readonly actor: SampleActor
  readonly asked: Asked
}
