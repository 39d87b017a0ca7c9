import { component, context, implement, ref, registerError } from '@weaver/sdk'

/** A value with every kind of thing that a call carries. */
export interface Everything {
  text: string
  count: number
  big: bigint
  when: Date
  bytes: Uint8Array
  tags: Set<string>
  prices: Map<string, number>
  list: { name: string; note?: string }[]
  nothing: null
  maybe?: string | undefined
  kind: { type: 'a'; a: number } | { type: 'b'; b: string }
}

export interface Seen {
  component: string | undefined
  metadata: Record<string, string>
  /** Milliseconds until the deadline; -1: none. */
  timeLeftMs: number
}

/** What the statements of docs/calls.md are tried on. */
export interface Subject {
  echo(value: Everything): Promise<Everything>
  nothing(): Promise<void>
  change(list: string[]): Promise<string[]>
  throwOwn(): Promise<string>
  throwAtOnce(): Promise<string>
  throwText(): Promise<string>
  look(): Promise<Seen>
  lookBehind(): Promise<Seen>
  /** What `lookBehind` saw in `init()`. */
  seenAtStart(): Promise<Seen | undefined>
  wait(ms: number): Promise<string>
  quick(ms: number): Promise<string>
  /** How the last `wait` or `quick` ended: `done`, or the name of the signal's reason. */
  lastEnd(): Promise<string>
  count(): Promise<number>
  /** Its router takes no empty key. */
  keyed(key: string): Promise<string>
  /** The numbers from 0 up to `end`; then it fails, where it is told to. */
  numbers(end: number, fails: boolean): AsyncIterable<number>
}
export const Subject = component<Subject>('contract/Subject', {
  timeoutMs: { quick: 100 },
  notRetriable: ['count'],
  router: {
    keyed: (key) => {
      if (key === '') throw new RangeError('no key')
      return key
    },
  },
})

/** Calls on, so that a statement can be tried one call further. */
export interface Behind {
  look(): Promise<Seen>
}
export const Behind = component<Behind>('contract/Behind')

export class OutOfStock extends Error {
  readonly code = 'OUT_OF_STOCK'
  readonly details: { readonly item: string; readonly left: number }

  constructor(item: string, cause: unknown) {
    super(`there is no ${item}`, { cause })
    this.details = { item, left: 0 }
  }
  get isSoldOut(): boolean {
    return this.details.left === 0
  }
}
Object.defineProperty(OutOfStock.prototype, 'name', { value: 'OutOfStock', configurable: true, writable: true })
registerError(OutOfStock)

function seen(): Seen {
  const { caller, deadline, metadata } = context()
  return { component: caller?.component, metadata, timeLeftMs: deadline === undefined ? -1 : deadline - Date.now() }
}

class SubjectImpl implements Subject {
  readonly behind = ref(Behind)
  #lastEnd = 'none'
  #count = 0
  #seenAtStart: Seen | undefined

  async init() {
    this.#seenAtStart = await this.behind.look()
  }
  async echo(value: Everything) {
    return value
  }
  async nothing() {
    await Promise.resolve()
  }
  async change(list: string[]) {
    list.push('changed')
    return list
  }
  async throwOwn(): Promise<string> {
    throw new OutOfStock('tea', new RangeError('shelf 7', { cause: { shelf: 7 } }))
  }
  throwAtOnce(): Promise<string> {
    throw new TypeError('before the first await')
  }
  async throwText(): Promise<string> {
    // oxlint-disable-next-line no-throw-literal -- what a method may throw is anything
    throw 'just a text'
  }
  async look() {
    return seen()
  }
  async lookBehind() {
    return this.behind.look()
  }
  async seenAtStart() {
    return this.#seenAtStart
  }
  wait(ms: number) {
    return this.#sleep(ms)
  }
  quick(ms: number) {
    return this.#sleep(ms)
  }
  async lastEnd() {
    return this.#lastEnd
  }
  async count() {
    return (this.#count += 1)
  }
  async keyed(key: string) {
    this.#count += 1
    return key
  }
  async *numbers(end: number, fails: boolean) {
    const { signal } = context()
    this.#lastEnd = 'running'
    signal.addEventListener('abort', () => (this.#lastEnd = (signal.reason as Error).name)) // a DOMException
    for (let i = 0; i < end; i++) yield i
    if (fails) throw new OutOfStock('tea', undefined)
  }

  async #sleep(ms: number): Promise<string> {
    const { signal } = context()
    this.#lastEnd = 'running'
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        this.#lastEnd = 'done'
        resolve()
      }, ms)
      signal.addEventListener('abort', () => {
        clearTimeout(timer)
        this.#lastEnd = (signal.reason as Error).name // a DOMException
        resolve()
      })
    })
    return this.#lastEnd
  }
}
export const subjectImpl = implement(Subject, SubjectImpl)

/** Longer than a call waits for somebody who listens. */
const SLOW_START_MS = 1_500

class BehindImpl implements Behind {
  async init() {
    await new Promise((resolve) => setTimeout(resolve, SLOW_START_MS))
  }
  async look() {
    return seen()
  }
}
export const behindImpl = implement(Behind, BehindImpl)
