/**
 * For tests of the weavelet: the output of `weaver generate`, written by hand, and a weavelet
 * around it.
 */
import { bind, type ComponentBinding, type MethodBinding, type WeaverGen } from '../component/binding.js'
import type { Component, Implementation, Main } from '../component/component.js'
import type { Bootstrap } from '../contract/bootstrap.js'
import type { LogFields } from '../telemetry/logger.js'
import { deploymentOf } from '../context/deployment.js'
import { startWeavelet } from '../weavelet/start-weavelet.js'
import type { Weavelet } from '../weavelet/weavelet.js'

export { genByHand } from './hand-made-bindings.js'

/** Binds a component whose methods take strings and return one. */
export function bindByHand<T extends object>(
  token: Component<T>,
  implementation: Implementation<T>,
  has: {
    readonly methods: readonly (keyof T & string)[]
    /** The methods that return a stream. */
    readonly streams?: readonly (keyof T & string)[]
    readonly refs?: readonly string[]
    readonly listeners?: readonly string[]
  },
): ComponentBinding {
  const isStream = (name: string): boolean => (has.streams ?? []).some((stream) => stream === name)
  const methods = has.methods.map((name): MethodBinding => ({
    name,
    encodeArgs: (w, args) => w.string(JSON.stringify(args)),
    decodeArgs: (r) => JSON.parse(r.string()) as unknown[], // the line above wrote an array
    encodeResult: (w, result) => w.string(JSON.stringify(result)),
    decodeResult: (r) => JSON.parse(r.string()) as unknown,
    ...(isStream(name) ? { isStream: true } : {}),
  }))
  return bind<T>({
    token,
    implementation,
    refs: has.refs ?? [],
    listeners: has.listeners ?? [],
    methods,
    stub: (calls) =>
      Object.fromEntries(
        has.methods.map((name, index) => [
          name,
          (...args: readonly unknown[]) => (isStream(name) ? calls.stream(index, args) : calls.call(index, args)),
        ]),
      ) as unknown as T, // one function for each method
    local: (calls, target) => {
      const methods = target as Readonly<Record<string, (...args: readonly unknown[]) => unknown>> // the class fulfils the interface
      const forward =
        (name: string, index: number) =>
        (...args: readonly unknown[]): unknown => {
          if (isStream(name)) return calls.stream(index, args)
          const entered = calls.enter(index)
          if (entered === undefined) return calls.call(index, args)
          try {
            return calls.leave(entered, methods[name]?.(...args))
          } catch (error) {
            return calls.fail(entered, error)
          }
        }
      return Object.fromEntries(has.methods.map((name, index) => [name, forward(name, index)])) as unknown as T // one function for each method
    },
  })
}

export interface LogEntry {
  readonly level: string
  readonly message: string
  readonly fields: LogFields
}

export interface TestWeavelet {
  readonly weavelet: Weavelet
  readonly logs: readonly LogEntry[]
  readonly mainFailures: readonly unknown[]
}

/**
 * Starts the application with everything in this process; with a `bootstrap`, as the part that it
 * names.
 */
export async function startByHand(
  app: new () => Main,
  gen: WeaverGen,
  given: {
    readonly config?: Readonly<Record<string, unknown>>
    readonly addresses?: Readonly<Record<string, string>>
    readonly bootstrap?: Partial<Bootstrap>
    readonly signal?: AbortSignal
    readonly copyArgs?: boolean
    readonly defaultTimeoutMs?: number
    readonly startWaitMs?: number
  } = {},
): Promise<TestWeavelet> {
  const logs: LogEntry[] = []
  const mainFailures: unknown[] = []
  const bootstrap: Bootstrap = {
    version: 1,
    app: 'test',
    deploymentId: 'test-1',
    versionId: 'v1',
    group: 'main',
    replica: 'main-0',
    components: [],
    listeners: {},
    config: given.config ?? {},
    ...given.bootstrap,
  }
  const weavelet = await startWeavelet({
    app,
    gen,
    deployment: deploymentOf(bootstrap),
    ...(given.bootstrap === undefined ? {} : { bootstrap }),
    ...(given.signal === undefined ? {} : { signal: given.signal }),
    copyArgs: given.copyArgs === true,
    defaultTimeoutMs: given.defaultTimeoutMs,
    startWaitMs: given.startWaitMs,
    configOf: (component) => bootstrap.config[component],
    configSections: Object.keys(bootstrap.config),
    configListeners: Object.keys(given.addresses ?? {}),
    addressOf: (listener) => given.addresses?.[listener] ?? bootstrap.listeners[listener]?.address ?? '127.0.0.1:0',
    logSink: { level: 'debug', write: (level, message, fields) => void logs.push({ level, message, fields }) },
    onFailed: (error) => void mainFailures.push(error),
  })
  return { weavelet, logs, mainFailures }
}
