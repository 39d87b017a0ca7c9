/**
 * What may happen next in an execution, and who decides it. A step has a name that means the same
 * in each run of a case and still means something when the case has lost an operation; so a
 * schedule is a list of names:
 *
 *     start 2                      operation 2 begins
 *     2.1 request @0               the first call of operation 2 arrives at replica 0
 *     2.1 reply                    its answer arrives; the first call that its callee made is
 *                                  2.1.1, its second attempt 2.1#2
 *     2.1 request lost             never arrives, and is retried if the call may be; `reply lost`
 *     2.1 request fails            never arrives, and the caller is notified; `reply fails`
 *     2.1 cancel                   the callee is notified that its caller has given up
 *     2.1 deadline                 the time of the call is over
 *     2.t1 timer                   the first timer of operation 2 fires
 *     crash bank/Bank:0            a replica is gone; `restart bank/Bank:0`
 */
import type { Message } from './world/network.js'
import type { SimParameters } from './parameters.js'
import type { Random } from './world/random.js'
import type { Replica } from './world/replica.js'
import type { SimCall } from './world/sim-call.js'
import type { SimTimer } from './world/virtual-time.js'

export type Loss = 'lost' | 'fails'

export type Step =
  | { readonly kind: 'start'; readonly op: number }
  | { readonly kind: 'request'; readonly message: Message & { readonly kind: 'request' }; readonly replica: Replica }
  | { readonly kind: 'reply'; readonly message: Message & { readonly kind: 'reply' } }
  | { readonly kind: 'loss'; readonly message: Message & { readonly kind: 'request' | 'reply' }; readonly how: Loss }
  | { readonly kind: 'cancel'; readonly message: Message & { readonly kind: 'cancel' } }
  | { readonly kind: 'deadline'; readonly call: SimCall }
  | { readonly kind: 'timer'; readonly timer: SimTimer }
  | { readonly kind: 'crash' | 'restart'; readonly replica: Replica }

/** The scheduler's view of an execution. */
export interface Situation {
  /** Messages that can be delivered, oldest first. */
  messages(): readonly Message[]
  /** Replicas that can take a request; by default the first one does. */
  replicasFor(message: Message & { readonly kind: 'request' }): readonly Replica[]
  /** The operation that starts next, if one may. */
  nextOp(): number | undefined
  /** Whether operations are running. */
  readonly isBusy: boolean
  down(): readonly Replica[]
  mortal(): readonly Replica[]
  timer(): SimTimer | undefined
  deadline(): SimCall | undefined
}

export interface Policy {
  /** @returns `undefined` for the first candidate */
  choose(situation: Situation): Step | undefined
}

export function nameOf(step: Step): string {
  switch (step.kind) {
    case 'start':
      return `start ${step.op}`
    case 'request':
      return `${step.message.key} @${step.replica.index}`
    case 'reply':
    case 'cancel':
      return step.message.key
    case 'loss':
      return `${step.message.key} ${step.how}`
    case 'deadline':
      return `${step.call.key} deadline`
    case 'timer':
      return `${step.timer.id} timer`
    case 'crash':
    case 'restart':
      return `${step.kind} ${step.replica.name}`
  }
}

/** Whether only a fault can cause the step of this name. */
export function isFault(name: string): boolean {
  return name.startsWith('crash ') || name.endsWith(' lost') || name.endsWith(' fails')
}

/** The candidates in order without delays: work in progress, then what waits, then what is new. */
function candidates(situation: Situation): Step[] {
  const steps: Step[] = []
  for (const message of situation.messages()) {
    const step = arrival(message, situation)
    if (step !== undefined) steps.push(step)
  }
  for (const replica of situation.down()) steps.push({ kind: 'restart', replica })
  const timer = timerStep(situation)
  if (timer !== undefined && situation.isBusy) steps.push(timer)
  const op = situation.nextOp()
  if (op !== undefined) steps.push({ kind: 'start', op })
  if (timer !== undefined && !situation.isBusy) steps.push(timer)
  return steps
}

function arrival(message: Message, situation: Situation): Step | undefined {
  if (message.kind !== 'request') return message.kind === 'reply' ? { kind: 'reply', message } : { kind: 'cancel', message }
  const [replica] = situation.replicasFor(message)
  return replica === undefined ? undefined : { kind: 'request', message, replica }
}

/**
 * Maximum delay of a message in virtual milliseconds: time does not pass it until its caller gives
 * up.
 */
const MAX_DELAY_MS = 100

/** A timer fires only if no deadline is earlier, and no message sent long before is waiting. */
function timerStep(situation: Situation): Step | undefined {
  const timer = situation.timer()
  if (timer === undefined) return undefined
  const call = situation.deadline()
  if (call !== undefined && call.deadline < timer.due) return undefined
  const [oldest] = situation.messages()
  return oldest !== undefined && oldest.sentAt + MAX_DELAY_MS < timer.due ? undefined : { kind: 'timer', timer }
}

/**
 * The step without any delay or fault; time passes only when everything waits for it. `undefined`
 * if nothing can happen any more.
 */
export function firstStep(situation: Situation): Step | undefined {
  const [first] = candidates(situation)
  if (first !== undefined) return first
  const call = situation.deadline()
  return call === undefined ? undefined : { kind: 'deadline', call }
}

/** Draws each step at random. */
export class RandomPolicy implements Policy {
  readonly #random: Random
  readonly #parameters: SimParameters

  constructor(random: Random, parameters: SimParameters) {
    this.#random = random
    this.#parameters = parameters
  }

  choose(situation: Situation): Step | undefined {
    const { crashRate, failureRate, yieldRate } = this.#parameters
    const random = this.#random
    if (this.#happens(crashRate)) {
      const mortal = situation.mortal()
      if (mortal.length > 0) return { kind: 'crash', replica: random.pick(mortal) }
    }
    const steps = candidates(situation)
    const step = steps.length > 1 && this.#happens(yieldRate) ? random.pick(steps) : steps[0]
    if (step === undefined || (step.kind !== 'request' && step.kind !== 'reply')) return step
    if (this.#happens(failureRate)) return { kind: 'loss', message: step.message, how: random.below(2) === 0 ? 'lost' : 'fails' }
    return step.kind === 'request' ? { ...step, replica: random.pick(situation.replicasFor(step.message)) } : step
  }

  #happens(rate: number): boolean {
    return rate > 0 && this.#random.next() < rate
  }
}

/**
 * Follows a list of names. Impossible steps are skipped; after the list, the first candidate is
 * taken.
 */
export class ScriptPolicy implements Policy {
  readonly #schedule: readonly string[]
  #at = 0

  constructor(schedule: readonly string[]) {
    this.#schedule = schedule
  }

  choose(situation: Situation): Step | undefined {
    while (this.#at < this.#schedule.length) {
      const step = stepNamed(this.#schedule[this.#at++] as string, situation) // below its length
      if (step !== undefined) return step
    }
    return undefined
  }
}

const MESSAGE_STEP = /^(\S+ (?:request|reply|cancel))(?: @(\d+)| (lost|fails))?$/

/** @returns `undefined` if it is impossible now */
function stepNamed(name: string, situation: Situation): Step | undefined {
  const [, key, replica, how] = MESSAGE_STEP.exec(name) ?? []
  if (key !== undefined) {
    const message = situation.messages().find((message) => message.key === key)
    if (message === undefined) return undefined
    if (how !== undefined && message.kind !== 'cancel') return { kind: 'loss', message, how: how as Loss } // one of the two
    if (message.kind !== 'request') return arrival(message, situation)
    const found = situation.replicasFor(message)
    const to = found.find(({ index }) => index === Number(replica)) ?? found[0]
    return to === undefined ? undefined : { kind: 'request', message, replica: to }
  }
  const [first, second] = name.split(' ')
  switch (first) {
    case 'start':
      return situation.nextOp() === Number(second) ? { kind: 'start', op: Number(second) } : undefined
    case 'crash':
      return found('crash', situation.mortal(), second)
    case 'restart':
      return found('restart', situation.down(), second)
  }
  const timer = timerStep(situation)
  if (timer?.kind === 'timer' && `${timer.timer.id} timer` === name) return timer
  const last = firstStep(situation)
  return last?.kind === 'deadline' && nameOf(last) === name ? last : undefined
}

function found(kind: 'crash' | 'restart', replicas: readonly Replica[], name: string | undefined): Step | undefined {
  const replica = replicas.find((replica) => replica.name === name)
  return replica === undefined ? undefined : { kind, replica }
}
