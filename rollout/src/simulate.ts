/**
 * A rollout played before it is made: the engine that the operator runs, in a model of the world and
 * with a clock that goes from one happening to the next. Pure. A person's part is played as well:
 * what waits for promote is promoted at once. What an analysis would find cannot be known; none is
 * made.
 */
import type { Awaited } from './awaited.js'
import { decide } from './engine.js'
import type { RolloutEvent } from './events.js'
import { brokenInvariants } from './invariants.js'
import { ask, carryOut, finishRequests, inputOf, setHealth, syncProxies, tick, type ModelVersion, type World } from './model.js'
import { versionsLetGo } from './report.js'
import type { RolloutDecision, RolloutPhase, RolloutPolicy, RolloutState } from './types.js'

/** Replicas of one group of a version; each asks for this much CPU, in cores. */
export interface SimulatedGroup {
  readonly name: string
  readonly replicas: number
  readonly cpu: number
}
/** How long the world takes for what the engine asks. Milliseconds. */
export interface SimulatedPace {
  /** From the first object of a version to its readiness. */
  readonly startMs: number
  /** Until proxies have other weights. */
  readonly trafficMs: number
  /** What is in flight in a version, after its last traffic. */
  readonly requestMs: number
}
export interface SimulationInput {
  /** Epoch milliseconds. */
  readonly now: number
  readonly policy: RolloutPolicy
  /** The version that is to be asked for. */
  readonly desired: string
  readonly state: RolloutState | undefined
  /** Every version of which anything exists. */
  readonly versions: Readonly<Record<string, Omit<ModelVersion, 'hidden'>>>
  /** By version; the desired one included. */
  readonly groups: Readonly<Record<string, readonly SimulatedGroup[]>>
  readonly pace: SimulatedPace
  /**
   * A group of the desired version of which no replica works any more, from the moment at which its
   * step, counted from 1, is in force; 0: from the beginning.
   */
  readonly fault?: { readonly group: string; readonly step: number }
}

/** What the operator would write. */
export type SimulatedWrite =
  /** The status of the application. */
  | { readonly kind: 'status' }
  /** The objects of a version. */
  | { readonly kind: 'create'; readonly version: string }
  /** Weights, and which versions the proxies name. */
  | { readonly kind: 'traffic'; readonly weights: Readonly<Record<string, number>> }
  | { readonly kind: 'remove'; readonly version: string }

/** What happens by itself, or a person does. */
export type Happening =
  | { readonly kind: 'ready'; readonly version: string }
  | { readonly kind: 'traffic' }
  | { readonly kind: 'quiet' }
  | { readonly kind: 'died'; readonly version: string; readonly group: string }
  | { readonly kind: 'promoted'; readonly version: string }

export interface SimulatedMoment {
  /** Epoch milliseconds. */
  readonly at: number
  readonly happened: readonly Happening[]
  readonly events: readonly RolloutEvent[]
  readonly writes: readonly SimulatedWrite[]
  /** Percent by version, as asked. */
  readonly weights: Readonly<Record<string, number>>
  readonly pods: number
  /** Cores that the pods ask for. */
  readonly cpu: number
}
export interface Simulation {
  /** Those at which anything happened, was decided or was written. */
  readonly moments: readonly SimulatedMoment[]
  readonly peak: Pick<SimulatedMoment, 'at' | 'pods' | 'cpu'>
  /** What it comes to. `awaited`: it waits for somebody. */
  readonly end: {
    readonly at: number
    readonly phase: RolloutPhase
    readonly active?: string
    readonly weights: Readonly<Record<string, number>>
    readonly awaited?: Awaited
  }
}

interface Due {
  readonly at: number
  readonly happening: Happening
}

/** A rollout with a deadline of a day and drains of as long is far below this. */
const MAX_PASSES = 1_000_000

/** @throws Error when a decision breaks an invariant, or no end is found */
export function simulate(input: SimulationInput): Simulation {
  return new Run(input).toTheEnd()
}

class Run {
  readonly #input: SimulationInput
  readonly #moments: SimulatedMoment[] = []
  #world: World
  #due: Due[] = []
  #lastStatus = ''
  #lastPlan: string

  constructor(input: SimulationInput) {
    const { now, desired, state } = input
    const { analysis: _analysis, ...policy } = input.policy
    this.#input = input
    const versions = Object.fromEntries(Object.entries(input.versions).map(([id, v]) => [id, { ...v, hidden: false }]))
    this.#world = { now, watchingSince: 0, clockSetAt: 0, desired, policy, state, versions, asked: [] }
    for (const [id, { health }] of Object.entries(versions)) if (health !== 'up') this.#startLater(id)
    this.#lastPlan = planOf(this.#world)
    const isBehind = Object.entries(versions).some(([id, { inForce }]) => inForce !== (state?.weights?.[id] ?? 0))
    if (state !== undefined && isBehind) this.#dueIn(input.pace.trafficMs, { kind: 'traffic' })
    this.#awaitQuiet()
  }

  toTheEnd(): Simulation {
    let happened: Happening[] = []
    for (let pass = 0; pass < MAX_PASSES; pass++) {
      const decision = this.#decide()
      this.#act(decision, happened)
      const { now } = this.#world
      const { awaited, requeueAfterMs } = decision
      happened = awaited?.kind === 'promotion' ? this.#promote() : []
      const next = Math.min(
        ...this.#due.map(({ at }) => at),
        ...(requeueAfterMs === undefined ? [] : [now + requeueAfterMs]),
        ...(happened.length > 0 ? [now + 1] : []),
      )
      if (next === Infinity) return this.#result(decision)
      this.#world = tick(this.#world, next - now)
      happened.push(...this.#happen())
    }
    throw new Error(`the rollout of "${this.#input.desired}" comes to no end: ${JSON.stringify(this.#world)}`)
  }

  #decide(): RolloutDecision {
    const seen = inputOf(this.#world)
    const decision = decide(seen)
    const broken = brokenInvariants(seen, decision)
    if (broken.length > 0) throw new Error(`the rollout engine violated its invariants: ${broken.join('; ')}`)
    return decision
  }

  /** As a pass of the operator: the state is stored, then everything else follows. */
  #act(decision: RolloutDecision, happened: readonly Happening[]): void {
    const before = this.#world
    const { now } = before
    const created = decision.keep.filter((id) => before.versions[id] === undefined)
    const removed = decision.remove.filter((id) => before.versions[id] !== undefined)
    const isNews = this.#isStatusNews(decision)
    this.#world = carryOut({ ...before, state: decision.state }, decision)
    const isOtherPlan = this.#isOtherPlan()
    const writes: SimulatedWrite[] = [
      ...(isNews ? [{ kind: 'status' as const }] : []),
      ...created.map((version) => ({ kind: 'create' as const, version })),
      ...(isOtherPlan ? [{ kind: 'traffic' as const, weights: decision.weights }] : []),
      ...removed.map((version) => ({ kind: 'remove' as const, version })),
    ]
    for (const id of created) this.#startLater(id)
    if (isOtherPlan) this.#dueIn(this.#input.pace.trafficMs, { kind: 'traffic' })
    const { events, weights } = decision
    if (happened.length + events.length + writes.length === 0) return
    this.#moments.push({ at: now, happened, events, writes, weights, ...this.#load() })
  }

  /** What is in the status: all but the requests in flight. */
  #isStatusNews({ state, phase, weights, awaited, schedule }: RolloutDecision): boolean {
    const versions = Object.entries(this.#world.versions).map(([id, { health, inForce }]) => [id, health, inForce])
    const status = JSON.stringify([state, phase, weights, awaited, schedule, versions])
    if (status === this.#lastStatus) return false
    this.#lastStatus = status
    return true
  }

  /** Whether the proxies must be brought to something else. */
  #isOtherPlan(): boolean {
    const plan = planOf(this.#world)
    const isOther = plan !== this.#lastPlan
    this.#lastPlan = plan
    return isOther
  }

  /** Pods that there are, or are being made. */
  #load(): { readonly pods: number; readonly cpu: number } {
    const groups = Object.keys(this.#world.versions).flatMap((id) => this.#input.groups[id] ?? [])
    const pods = groups.reduce((sum, { replicas }) => sum + replicas, 0)
    const cpu = groups.reduce((sum, group) => sum + group.replicas * group.cpu, 0)
    return { pods, cpu: Math.round(cpu * 1000) / 1000 }
  }

  #promote(): Happening[] {
    this.#world = ask(this.#world, 'promote')
    return [{ kind: 'promoted', version: this.#input.desired }]
  }

  #startLater(version: string): void {
    const { fault, desired, pace } = this.#input
    if (fault?.step === 0 && version === desired) this.#dueIn(pace.startMs, { kind: 'died', version, group: fault.group })
    else this.#dueIn(pace.startMs, { kind: 'ready', version })
  }

  #dueIn(milliseconds: number, happening: Happening): void {
    this.#due.push({ at: this.#world.now + Math.max(1, milliseconds), happening })
  }

  /** Everything that is due now. */
  #happen(): Happening[] {
    const { now } = this.#world
    const happened = this.#due.filter(({ at }) => at <= now).map(({ happening }) => happening)
    this.#due = this.#due.filter(({ at }) => at > now)
    return happened.flatMap((one) => this.#make(one))
  }

  #make(happening: Happening): Happening[] {
    switch (happening.kind) {
      case 'ready':
      case 'died':
        if (this.#world.versions[happening.version] === undefined) return []
        this.#world = setHealth(this.#world, happening.version, happening.kind === 'ready' ? 'up' : 'down')
        return [happening]
      case 'traffic':
        this.#world = syncProxies(this.#world)
        this.#awaitQuiet()
        return [happening, ...this.#strike()]
      case 'quiet':
        this.#world = finishRequests(this.#world)
        return []
      case 'promoted':
        return [happening]
    }
  }

  /** The fault, when the weights of its step are in force. */
  #strike(): Happening[] {
    const { fault, desired } = this.#input
    const { state } = this.#world
    if (fault === undefined || fault.step === 0 || state?.preview !== desired || state.step !== fault.step - 1) return []
    return this.#make({ kind: 'died', version: desired, group: fault.group })
  }

  #awaitQuiet(): void {
    const isBusy = Object.values(this.#world.versions).some(({ inForce, inFlight }) => inForce === 0 && inFlight > 0)
    if (isBusy) this.#dueIn(this.#input.pace.requestMs, { kind: 'quiet' })
  }

  #result({ phase, state, weights, awaited }: RolloutDecision): Simulation {
    const [first] = this.#moments
    const start = first ?? { at: this.#world.now, ...this.#load() }
    const peak = this.#moments.reduce<Simulation['peak']>((most, one) => (one.cpu > most.cpu || one.pods > most.pods ? one : most), start)
    return {
      moments: this.#moments,
      peak: { at: peak.at, pods: peak.pods, cpu: peak.cpu },
      end: {
        at: this.#world.now,
        phase,
        ...(state.active === undefined ? {} : { active: state.active }),
        weights,
        ...(awaited === undefined ? {} : { awaited }),
      },
    }
  }
}

/** What the proxies are to have: the versions that they name, and the weights. */
function planOf({ state, versions }: World): string {
  const gone = versionsLetGo(state)
  const named = Object.keys(versions).filter((id) => !gone.includes(id))
  return JSON.stringify([named.sort(), Object.entries(state?.weights ?? {}).sort()])
}
