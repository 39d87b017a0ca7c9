/**
 * Clock, timers and randomness of the global object: virtual for code inside a simulated execution,
 * unchanged for all other code. Installed only while a simulation runs.
 *
 * Not replaced: `process.hrtime`, `crypto.subtle`, and imports from `node:timers`,
 * `node:timers/promises`, `node:crypto` and `node:perf_hooks`.
 */
import { promisify } from 'node:util'
import { actors, type Actor } from './actor.js'
import { EPOCH_MS, SimTimer } from './virtual-time.js'

type Timeout = (run: (...args: unknown[]) => void, delayMs?: number, ...args: unknown[]) => unknown

let users = 0
let restore: (() => void) | undefined

/** @returns a function that restores everything once the last user has called it */
export function virtualGlobals(): () => void {
  if ((users += 1) === 1) restore = install()
  let isDone = false
  return () => {
    if (isDone) return
    isDone = true
    if ((users -= 1) > 0) return
    restore?.()
    restore = undefined
  }
}

function install(): () => void {
  const undo: (() => void)[] = []
  const replace = (owner: object, name: string, value: unknown): void => {
    const before = Object.getOwnPropertyDescriptor(owner, name)
    if (before?.configurable === false) return
    Object.defineProperty(owner, name, { value, configurable: true, writable: true, enumerable: before?.enumerable ?? true })
    undo.unshift(() => {
      if (before === undefined) Reflect.deleteProperty(owner, name)
      else Object.defineProperty(owner, name, before)
    })
  }
  const real = {
    Date: globalThis.Date,
    random: Math.random.bind(Math),
    performanceNow: performance.now.bind(performance),
    timeout: AbortSignal.timeout.bind(AbortSignal),
    randomUUID: crypto.randomUUID.bind(crypto),
    getRandomValues: crypto.getRandomValues.bind(crypto),
  }
  replace(globalThis, 'Date', virtualDate(real.Date))
  replace(Math, 'random', () => actors.getStore()?.random() ?? real.random())
  replace(performance, 'now', () => {
    const actor = actors.getStore()
    return actor === undefined ? real.performanceNow() : actor.time.now - EPOCH_MS
  })
  replace(crypto, 'randomUUID', () => {
    const actor = actors.getStore()
    return actor === undefined ? real.randomUUID() : uuidOf(actor)
  })
  replace(crypto, 'getRandomValues', (view: Parameters<typeof real.getRandomValues>[0]) => {
    const filled = real.getRandomValues(view) // it also rejects invalid arguments
    const actor = actors.getStore()
    if (actor !== undefined) fill(filled, actor)
    return filled
  })
  for (const name of ['setTimeout', 'setInterval', 'setImmediate'] as const)
    replace(globalThis, name, virtualTimer(name, globalThis[name] as unknown as Timeout))
  for (const name of ['clearTimeout', 'clearInterval', 'clearImmediate'] as const) {
    const clear = globalThis[name] as (timer: unknown) => void
    replace(globalThis, name, (timer: unknown) => (timer instanceof SimTimer ? void timer.close() : clear(timer)))
  }
  replace(AbortSignal, 'timeout', (ms: number) => {
    if (actors.getStore() === undefined) return real.timeout(ms)
    const controller = new AbortController()
    setTimeout(() => controller.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError')), ms)
    return controller.signal
  })
  return () => {
    for (const step of undo) step()
  }
}

function virtualDate(real: DateConstructor): DateConstructor {
  const now = (): number => actors.getStore()?.time.now ?? real.now()
  return new Proxy(real, {
    get: (target, name) => (name === 'now' ? now : (Reflect.get(target, name) as unknown)),
    construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget) as object,
    apply: (target) => new target(now()).toString(),
  })
}

function virtualTimer(name: 'setTimeout' | 'setInterval' | 'setImmediate', real: Timeout): Timeout {
  const start: Timeout = (run, ...rest) => {
    const actor = actors.getStore()
    if (actor === undefined) return real(run, ...rest)
    const isImmediate = name === 'setImmediate'
    const [delayMs, ...args] = isImmediate ? [0, ...(rest as unknown[])] : [rest[0] ?? 0, ...rest.slice(1)]
    return actor.time.start(actor, () => run(...args), { delayMs: Number(delayMs), isRepeated: name === 'setInterval' })
  }
  const realPromise = (real as unknown as Record<symbol, ((...args: unknown[]) => Promise<unknown>) | undefined>)[promisify.custom]
  if (realPromise !== undefined)
    Object.defineProperty(start, promisify.custom, {
      value: (...args: unknown[]) => {
        if (actors.getStore() === undefined) return realPromise(...args)
        const [delayMs, value] = name === 'setImmediate' ? [0, args[0]] : args
        return new Promise((resolve) => start(resolve, delayMs as number, value))
      },
    })
  return start
}

/** In the form of version 4. */
function uuidOf(actor: Actor): string {
  const digits = Array.from({ length: 32 }, () => Math.floor(actor.random() * 16).toString(16))
  digits[12] = '4'
  digits[16] = '89ab'[Math.floor(actor.random() * 4)] as string // one of four
  const text = digits.join('')
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join('-')
}

function fill({ buffer, byteOffset, byteLength }: NodeJS.ArrayBufferView, actor: Actor): void {
  const bytes = new Uint8Array(buffer, byteOffset, byteLength)
  for (let at = 0; at < bytes.length; at++) bytes[at] = Math.floor(actor.random() * 256)
}
