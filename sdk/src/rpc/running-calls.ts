/**
 * The calls that run here: by whom, until when.
 *
 * I1  A call stands in the count of its component, in the list of its caller and in the whole, or in none of them.
 */
import type { MethodBinding } from '../component/binding.js'
import type { CallSpan } from '../telemetry/tracing.js'
import type { Cancellation } from './cancellation.js'

const SWEEP_MS = 20

/** Whose answer it is. `id` 0: of a request whose number could not be read. */
export interface Addressee {
  readonly reply: string
  readonly id: number
  /** Its request came in one message with others. */
  readonly isOneOfMany: boolean
}

export interface ServedComponent {
  readonly name: string
  readonly methods: readonly MethodBinding[]
  readonly instance: object
}

export interface HostedComponent extends ServedComponent {
  /** Calls that run now. */
  running: number
}

export interface RunningCall extends Addressee {
  /** Of the caller. */
  readonly replica: string
  /** Epoch milliseconds. */
  readonly started: number
  readonly binding: MethodBinding
  readonly component: HostedComponent
  readonly cancellation: Cancellation
  /** Epoch milliseconds; `Infinity`: none. */
  readonly deadline: number
  readonly span: CallSpan | undefined
}

export class RunningCalls {
  readonly #all = new Set<RunningCall>()
  readonly #byCaller = new Map<string, Map<number, RunningCall>>()
  #sweep: NodeJS.Timeout | undefined
  #onIdle: (() => void) | undefined

  get size(): number {
    return this.#all.size
  }

  add(call: RunningCall): void {
    this.#all.add(call)
    call.component.running++
    const ofCaller = this.#byCaller.get(call.replica)
    if (ofCaller === undefined) this.#byCaller.set(call.replica, new Map([[call.id, call]]))
    else ofCaller.set(call.id, call)
    if (this.#sweep === undefined && call.deadline !== Infinity) this.#watchDeadlines()
  }

  delete(call: RunningCall): void {
    this.#all.delete(call)
    call.component.running--
    const ofCaller = this.#byCaller.get(call.replica)
    if (ofCaller?.delete(call.id) === true && ofCaller.size === 0) this.#byCaller.delete(call.replica)
    if (this.#all.size === 0) this.#onIdle?.()
  }

  /** @param replica of the caller. @param id the caller's number of the call */
  find(replica: string, id: number): RunningCall | undefined {
    return this.#byCaller.get(replica)?.get(id)
  }

  /** Resolves when none runs. */
  async idle(): Promise<void> {
    if (this.#all.size > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve))
  }

  /** One coarse timer for all; a call that is over before its deadline makes no signal. */
  #watchDeadlines(): void {
    this.#sweep = setInterval(() => {
      const now = Date.now()
      for (const call of this.#all)
        if (call.deadline <= now) call.cancellation.abort(new DOMException('the deadline of the call has passed', 'TimeoutError'))
      if (this.#all.size > 0) return
      clearInterval(this.#sweep)
      this.#sweep = undefined
    }, SWEEP_MS)
  }
}
