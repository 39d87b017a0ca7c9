/**
 * Runs one case: the components of the application and the operations of a workload in one process,
 * with a scheduler that lets one thing happen at a time.
 *
 * I1  A step is chosen only when no microtask is left: all code that could run has run.
 * I2  All randomness and clocks are the case's own, so the same case has the same history. One
 *     exception: before time passes, code that waits for something real, such as a file, gets
 *     OUTSIDE_MS of real time; whether that suffices depends on the machine. Code that waits for
 *     nothing real is not affected.
 */
import type { WeaverGen } from '../component/binding.js'
import { MAIN_COMPONENT } from '../contract/bootstrap.js'
import { WeaverError } from '../contract/errors.js'
import { createLogger } from '../telemetry/logger.js'
import { withFakes } from '../component/fake.js'
import { actors, type Actor } from './world/actor.js'
import type { SimCase } from './case.js'
import { constructWorkload, unboundListener } from './construct-workload.js'
import { causedByPlatform, type SimFailure } from './failure.js'
import { textOfArgs, textOfError, textOfValue, type SimEvent } from './world/history.js'
import { originOf } from './world/life.js'
import { Network, type Message } from './world/network.js'
import { Random } from './world/random.js'
import { NoMain, Replica } from './world/replica.js'
import type { SimCall } from './world/sim-call.js'
import { simulatedCalls } from './world/simulated-calls.js'
import { startOrder } from './start-order.js'
import { firstStep, nameOf, RandomPolicy, ScriptPolicy, type Policy, type Situation, type Step } from './steps.js'
import type { Subject } from './subject.js'
import { EPOCH_MS, VirtualTime, type SimTimer } from './world/virtual-time.js'
import type { Workload } from './workload.js'

export interface Outcome {
  readonly failure: SimFailure | undefined
  /** The steps while operations ran, by name (steps.ts). */
  readonly schedule: readonly string[]
  /** Empty unless requested. */
  readonly history: readonly SimEvent[]
  readonly numSteps: number
}

/** Steps after which an execution counts as endless. */
const MAX_STEPS = 5_000
/** Maximum number of steps for work left behind by the operations. */
const MAX_REST_STEPS = 1_000
/**
 * How long code may wait for something that is not simulated, in real milliseconds, before time
 * passes, or the execution counts as stalled: I2.
 */
const OUTSIDE_MS = 25
const setTimer = globalThis.setTimeout

export async function execute(subject: Subject, of: SimCase, options: { readonly isRecorded?: boolean } = {}): Promise<Outcome> {
  return new Execution(subject, of, options.isRecorded === true).run()
}

class Execution implements Situation {
  readonly #subject: Subject
  readonly #case: SimCase
  readonly #isRecorded: boolean
  readonly #time = new VirtualTime()
  readonly #history: SimEvent[] = []
  readonly #schedule: string[] = []
  readonly #network: Network
  readonly #random: () => number
  readonly #replicas = new Map<string, readonly Replica[]>()
  readonly #all: Replica[] = []
  readonly #running = new Set<number>()
  /** Operations that have ended, but are not evaluated yet. */
  readonly #over: { readonly id: number; readonly error?: unknown; readonly isFailed: boolean; readonly value?: unknown }[] = []
  readonly #waiting: Set<number>
  #workload: Workload | undefined
  #failure: SimFailure | undefined
  #hasFaults = false
  #numSteps = 0

  constructor(subject: Subject, of: SimCase, isRecorded: boolean) {
    this.#subject = subject
    this.#case = of
    this.#isRecorded = isRecorded
    this.#waiting = new Set(of.ops.map(({ id }) => id))
    const chance = new Random(of.chanceSeed)
    this.#random = () => chance.next()
    this.#network = new Network({
      time: this.#time,
      random: this.#random,
      defaultTimeoutMs: subject.defaultTimeoutMs,
      record: isRecorded ? (event) => this.#record(event) : undefined,
    })
  }

  async run(): Promise<Outcome> {
    const onUnhandled = (error: unknown): void => this.#fail({ where: 'unhandled', what: 'a promise that nothing awaits', error })
    process.on('unhandledRejection', onUnhandled)
    try {
      const workload = this.#construct()
      await this.#start()
      await this.#phase('init', 'init()', () => workload.init?.())
      const { schedule, scheduleSeed, parameters } = this.#case
      const policy = schedule === undefined ? new RandomPolicy(new Random(scheduleSeed), parameters) : new ScriptPolicy(schedule)
      await this.#until(() => this.#waiting.size + this.#running.size === 0, policy)
      await this.#rest()
      await this.#phase('end', 'end()', () => workload.end?.())
      // Unhandled rejections are reported in the next turn.
      await new Promise((resolve) => realImmediate(resolve))
    } finally {
      process.off('unhandledRejection', onUnhandled)
      for (const replica of this.#all) replica.life.isOver = true
    }
    return { failure: this.#failure, schedule: this.#schedule, history: this.#history, numSteps: this.#numSteps }
  }

  // The scheduler's view.

  messages(): readonly Message[] {
    const { messages } = this.#network
    return [...messages].filter((message) => message.kind !== 'request' || this.replicasFor(message).length > 0)
  }

  replicasFor(message: Message & { readonly kind: 'request' }): readonly Replica[] {
    const { binding, pinned } = message.call.exchange
    const all = this.#replicas.get(binding.token.name) ?? []
    if (pinned !== undefined) return all.filter((replica) => replica === pinned.replica && replica.isUp && replica.life === pinned.life)
    const up = all.every((replica) => replica.isUp) ? all : all.filter((replica) => replica.isUp)
    const { shard } = message.call.exchange
    if (shard === undefined || all.length < 2) return up
    const owner = all[shard % all.length]
    return owner?.isUp === true ? [owner] : up
  }

  nextOp(): number | undefined {
    if (this.#running.size >= this.#case.parameters.concurrency) return undefined
    const [next] = this.#waiting
    return next
  }

  get isBusy(): boolean {
    return this.#running.size > 0
  }

  down(): readonly Replica[] {
    return this.#all.filter((replica) => replica.isDown)
  }

  mortal(): readonly Replica[] {
    return this.#all.filter((replica) => replica.isMortal && replica.isUp)
  }

  timer(): SimTimer | undefined {
    return this.#time.earliest()
  }

  deadline(): SimCall | undefined {
    return this.#network.earliestDeadline()
  }

  // The course of an execution.

  #construct(): Workload {
    const { defaultTimeoutMs, interceptors, durable } = this.#subject
    const workload = constructWorkload(this.#subject, (binding) => simulatedCalls(this.#network, binding, MAIN_COMPONENT))
    const fakes = actors.run(this.#actor('workload'), () => workload.fakes?.() ?? [])
    const faked = new Set(fakes.map(({ component }) => component))
    const weaver: WeaverGen = { ...withFakes(this.#subject.weaver, fakes), main: { refs: [], listeners: [] } }
    const components = weaver.components()
    const gen: WeaverGen = { ...weaver, components: () => components }
    const log = createLogger({
      level: this.#isRecorded ? 'debug' : 'error',
      write: (level, message, fields) => this.#log(level, message, fields),
    })
    for (const binding of components) {
      const { name } = binding.token
      const isDurable = durable.has(name) || faked.has(name)
      const count = isDurable ? 1 : this.#case.parameters.replicas
      const replicas = Array.from(
        { length: count },
        (_, index) =>
          new Replica({
            binding,
            index,
            isAlone: count === 1,
            isMortal: !isDurable,
            network: this.#network,
            host: {
              app: NoMain,
              gen,
              configOf: this.#subject.configOf,
              configSections: [],
              listenerFor: unboundListener,
              tracing: undefined,
              copyArgs: false,
              interceptors,
              defaultTimeoutMs,
              log,
            },
            onStartFailed: (replica, error) => {
              if (!this.#isExcused(error)) this.#fail({ where: 'start', what: `the start of ${replica.life.name}`, error })
            },
          }),
      )
      this.#replicas.set(name, replicas)
      this.#all.push(...replicas)
    }
    this.#workload = workload
    return workload
  }

  /** Starts all replicas, each after those that it refers to. */
  async #start(): Promise<void> {
    for (const name of startOrder([...this.#replicas.values()].map(([first]) => (first as Replica).binding)))
      for (const replica of this.#replicas.get(name) ?? []) {
        if (this.#failure !== undefined) return
        replica.start()
        await this.#until(() => replica.isUp)
      }
  }

  /** Runs code of the workload without faults. */
  async #phase(where: 'init' | 'end', what: string, body: () => Promise<void> | void): Promise<void> {
    if (this.#failure !== undefined) return
    let isOver = false
    actors
      .run(this.#actor(where), async () => body())
      .then(
        () => (isOver = true),
        (error: unknown) => this.#fail({ where, what, error }),
      )
    await this.#until(() => isOver)
  }

  /** Lets the work left behind by operations run to its end, as far as it has one. */
  async #rest(): Promise<void> {
    const lastStep = this.#numSteps + MAX_REST_STEPS
    const isStuck = (): boolean => firstStep(this) === undefined
    await this.#until(() => this.#isAtRest || this.#numSteps > lastStep || isStuck())
  }

  /**
   * Takes one step at a time until a condition holds or the execution has failed. Without a policy
   * nothing is reordered.
   */
  async #until(isDone: () => boolean, policy?: Policy): Promise<void> {
    for (;;) {
      await quiescence() // I1
      this.#lookAtOps()
      if (this.#failure !== undefined || isDone()) return
      if (this.#numSteps >= MAX_STEPS)
        return this.#fail({ where: 'stalled', what: `no end after ${MAX_STEPS} steps`, error: this.#stalled('goes on for ever') })
      const step = policy?.choose(this) ?? firstStep(this)
      if (step === undefined || step.kind === 'deadline') {
        // Before time passes: something that is not simulated may be about to end.
        if (await this.#movesByItself(isDone)) continue
        if (step === undefined)
          return this.#fail({ where: 'stalled', what: 'nothing can happen any more', error: this.#stalled('waits for nothing') })
      }
      this.#numSteps += 1
      this.#time.step()
      const name = nameOf(step)
      if (policy !== undefined) this.#schedule.push(name)
      this.#hasFaults ||= step.kind === 'loss' || step.kind === 'crash'
      this.#perform(step)
    }
  }

  #perform(step: Step): void {
    switch (step.kind) {
      case 'start':
        return this.#startOp(step.op)
      case 'request':
        return this.#network.deliver(step.message, step.replica)
      case 'reply':
        return this.#network.accept(step.message)
      case 'loss':
        return this.#network.lose(step.message, { isTriedAgain: step.how === 'lost' })
      case 'cancel':
        return this.#network.cancelArrives(step.message)
      case 'deadline':
        return this.#network.expire(step.call)
      case 'timer':
        this.#record({ kind: 'timer', from: step.timer.life.name, text: `a timer of ${step.timer.delayMs} ms fires` })
        return this.#time.fire(step.timer)
      case 'crash':
        this.#record({ kind: 'crash', from: step.replica.life.name, text: 'crashes' })
        return step.replica.crash()
      case 'restart':
        this.#record({ kind: 'restart', from: step.replica.life.name, text: 'is started again' })
        return step.replica.start()
    }
  }

  #startOp(id: number): void {
    if (!this.#waiting.delete(id)) return
    const planned = this.#case.ops.find((op) => op.id === id)
    const op = planned === undefined ? undefined : this.#workload?.ops[planned.op]
    if (planned === undefined || op === undefined) return
    const args = planned.args.map(({ value }) => value)
    if (this.#isRecorded) this.#record({ kind: 'start', from: `op ${id}`, text: `${planned.op}${textOfArgs(args)}` })
    this.#running.add(id)
    const run = op.run as (...args: readonly unknown[]) => unknown // op() ties it to its generators
    actors
      .run(this.#actor(String(id), `op ${id}`), async () => run(...args))
      .then(
        (value) => this.#over.push({ id, isFailed: false, value }),
        (error: unknown) => this.#over.push({ id, isFailed: true, error }),
      )
  }

  /** Evaluates the operations that have ended. */
  #lookAtOps(): void {
    for (const { id, isFailed, error, value } of this.#over.splice(0)) {
      this.#running.delete(id)
      const name = this.#case.ops.find((op) => op.id === id)?.op ?? ''
      if (this.#isRecorded)
        this.#record({
          kind: 'end',
          from: `op ${id}`,
          text: isFailed ? `fails: ${textOfError(error)}` : value === undefined ? 'is done' : `gives ${textOfValue(value)}`,
        })
      if (isFailed && !this.#isExcused(error)) this.#fail({ where: 'op', what: `${name} of op ${id}`, error }, `op ${id}`)
      try {
        const result: unknown = actors.run(this.#actor(`invariant ${id}`), () => this.#workload?.invariant?.())
        if (typeof (result as { readonly then?: unknown } | undefined)?.then === 'function')
          throw new WeaverError(
            'WEAVER_SIM_INVALID',
            'invariant() returns a promise; it looks at what is there and waits for nothing. What calls components belongs into end()',
          )
      } catch (error) {
        this.#fail({ where: 'invariant', what: `invariant() after op ${id}`, error })
      }
    }
  }

  /**
   * Platform failures are caused by the simulation; before the first fault, the application has
   * caused one itself.
   */
  #isExcused(error: unknown): boolean {
    return this.#hasFaults && causedByPlatform(error)
  }

  get #isAtRest(): boolean {
    return this.#network.messages.size === 0 && this.#all.every((replica) => replica.isUp && replica.serving.size === 0)
  }

  /** Waits a little real time for code that waits for something real: the exception of I2. */
  async #movesByItself(isDone: () => boolean): Promise<boolean> {
    const before = this.#situation()
    for (let waited = 0; waited < OUTSIDE_MS; waited += 1) {
      await new Promise((resolve) => setTimer(resolve, 1))
      if (this.#over.length > 0 || this.#failure !== undefined || isDone() || this.#situation() !== before) return true
    }
    return false
  }

  #situation(): string {
    return `${this.#network.messages.size} ${this.#network.calls.size} ${this.#time.earliest()?.id} ${this.down().length}`
  }

  #stalled(what: string): Error {
    const ops = [...this.#running].map((id) => `op ${id}`)
    const calls = [...this.#network.calls].map((call) => `${call.what} called by ${call.actor.life.name}`)
    return new WeaverError(
      'WEAVER_SIM_STALLED',
      `the execution ${what}; still running: ${[...ops, ...calls].join(', ') || 'nothing'}. Does something wait for what the simulator does not control: a file, a socket, a timer imported from node:timers?`,
    )
  }

  #actor(id: string, name: string = 'workload'): Actor {
    return { life: { name, isOver: false }, origin: originOf(id), time: this.#time, random: this.#random }
  }

  #fail(failure: SimFailure, from: string = 'workload'): void {
    if (this.#failure !== undefined) return
    this.#failure = failure
    if (this.#isRecorded) this.#record({ kind: 'violation', from, text: `${failure.what}: ${textOfError(failure.error)}` })
  }

  #log(level: string, message: string, fields: Readonly<Record<string, unknown>>): void {
    const { component, ...rest } = fields
    const shown = Object.keys(rest).length === 0 ? '' : ` ${textOfValue(rest)}`
    this.#record({
      kind: 'log',
      from: actors.getStore()?.life.name ?? String(component ?? 'workload'),
      text: `${level}: ${message}${shown}`,
    })
  }

  #record(event: Omit<SimEvent, 'atMs'>): void {
    if (this.#isRecorded) this.#history.push({ atMs: this.#time.now - EPOCH_MS, ...event })
  }
}

const realImmediate = globalThis.setImmediate

/** Resolves when no microtask is left: a tick requested by a microtask runs after all of them. */
function quiescence(): Promise<void> {
  return new Promise((resolve) => queueMicrotask(() => process.nextTick(resolve)))
}
