/**
 * Runs the components of an application for a test, in one of three ways that must not differ:
 * `local`, all in this process and calls as method calls; `rpc`, all in this process and every call
 * over a real broker; `multi`, every component in a process of its own. The test itself takes the
 * place of main.
 *
 * I1  Nothing is left behind: after the body every process has ended, every server and every
 *     connection to the broker is closed, or the test fails and says what is left.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { problemOf, startEnvelope, type Envelope } from '@weaver/deployer'
import type { Component, Interceptors, Main } from '@weaver/sdk'
import { MAIN_COMPONENT, prettyPrinter, WeaverError, type Bootstrap, type LogEntry } from '@weaver/sdk/contract'
import {
  entrySink,
  isRouted,
  parseAppConfig,
  startWeavelet,
  withFakes,
  type Fake,
  type LogSink,
  type Weavelet,
  type WeaverGen,
} from '@weaver/sdk/internal'
import { extraRuns } from './extra-runs.js'
import { LeakWatch } from './leak-watch.js'
import { startTestBroker } from './test-broker.js'
import { startTestDeployer, type TestDeployer } from './test-deployer.js'

export type Runner = 'local' | 'rpc' | 'multi'
/**
 * For tests that shall hold in every way: `for (const runner of RUNNERS) it(runner, () =>
 * weaverTest({ runner, … }, …))`.
 */
export const RUNNERS: readonly Runner[] = ['local', 'rpc', 'multi']

export interface WeaverTestOptions {
  /** What `weaver generate` wrote. */
  readonly weaver: WeaverGen
  /** @default 'local' */
  readonly runner?: Runner
  /**
   * The application's main class, if its `main()` shall run; it runs in the process of the test.
   * @default none
   */
  readonly app?: new () => Main
  /** The text of a weaver.toml, or values by component name. */
  readonly config?: string | Readonly<Record<string, unknown>>
  /**
   * Take the places of the real implementations. A fake lives in the process of the test, with
   * `multi` too, and has one replica.
   */
  readonly fakes?: readonly Fake[]
  /** For `multi`: the compiled module of the application, the one with `run(App, weaver)`. */
  readonly entry?: string | URL
  /**
   * Of each component, with `rpc` and `multi`: weavelets in this process, or processes. Those of
   * routed components share the keys before the body runs.
   * @default 1
   */
  readonly replicas?: number
  /**
   * A broker that is there already.
   * @default a `nats-server` found on the PATH, started for this test alone
   */
  readonly natsUrl?: string
  /**
   * As those of `run()`. In `multi` the processes of components have those that `entry` gives to
   * `run()`.
   */
  readonly interceptors?: Interceptors
  /** As that of `run()`, and for the same processes. @default 30000 */
  readonly defaultTimeoutMs?: number
  /**
   * How many times more each call of a method that may run twice is run before the run whose
   * outcome counts: all but streams and those in `notRetriable`. Shows methods that are not
   * idempotent. With `multi` only of calls that the test and `app` make. @default 1 with `rpc`,
   * otherwise 0
   */
  readonly extraRuns?: number
  /** After the body, no process that it started may run, and no server listen. @default true */
  readonly checkLeaks?: boolean
  /**
   * Local calls copy arguments and results, as calls between processes do: shows code that counts
   * on sharing them.
   * @default false
   */
  readonly copyArgs?: boolean
  /** Shows what the components log, on standard error. @default false */
  readonly verbose?: boolean
}

export interface WeaverTest {
  readonly runner: Runner
  /**
   * A component as main would hold it.
   * @throws WeaverError `WEAVER_TEST` when the application has none of that name
   */
  get<T>(token: Component<T>): T
  /**
   * The object behind a component, to look into; with several replicas that of the first that
   * started.
   * @throws WeaverError `WEAVER_TEST` with `multi`, where it lives in another process
   */
  implementation<T>(token: Component<T>): T & object
  /** Those of all replicas. @throws as `implementation` */
  implementations<T>(token: Component<T>): readonly (T & object)[]
  /** The broker of this test; `undefined` with the runner "local". */
  readonly natsUrl: string | undefined
  /**
   * Where a listener of `app` is reached, as soon as it is bound: `http://127.0.0.1:40123`.
   * @throws WeaverError `WEAVER_TEST` when it is not bound within ten seconds; what `main()` threw,
   * when it failed
   */
  url(listener: string): Promise<string>
  /** Listeners that `app` has bound, by name. */
  readonly listeners: Readonly<Record<string, { readonly host: string; readonly port: number }>>
}

/**
 * Starts the components, runs the body, stops them, and checks that nothing is left.
 *
 * - `local`: all in the process of the test, calls are method calls;
 * - `rpc`: all in the process of the test, each component in a weavelet of its own, calls go over a
 *   real broker;
 * - `multi`: each component in processes of its own, as a deployer starts them.
 * @returns what the body returns
 * @throws what the body throws; WeaverError `WEAVER_TEST` when the options do not go together,
 * something cannot be started, or something is left behind
 * @example it.each(RUNNERS)('adds items (%s)', async (runner) => { await weaverTest({ weaver,
 * runner, entry: new URL('../dist/main.js', import.meta.url) }, async (test) => { expect(await
 * test.get(Cart).add('ada', 'book')).toBe(1) }) })
 */
export async function weaverTest<R>(options: WeaverTestOptions, body: (test: WeaverTest) => Promise<R>): Promise<R> {
  const { runner = 'local' } = options
  if (runner === 'multi' && options.entry === undefined)
    throw new WeaverError('WEAVER_TEST', 'the runner "multi" starts processes; give `entry`, the compiled module that has run(App, weaver)')
  if (!Number.isInteger(options.replicas ?? 1) || (options.replicas ?? 1) < 1)
    throw new WeaverError('WEAVER_TEST', `replicas is a whole number from 1, not ${options.replicas}`)
  if (!Number.isInteger(options.extraRuns ?? 0) || (options.extraRuns ?? 0) < 0)
    throw new WeaverError('WEAVER_TEST', `extraRuns is a whole number from 0, not ${options.extraRuns}`)
  const test = new RunningTest(options, runner)
  const leaks = options.checkLeaks === false ? undefined : new LeakWatch()
  let result: R
  try {
    await test.start()
    result = await body(test)
  } catch (error) {
    // What the body says is more than what the stop may say after it.
    await test.stop().catch(() => undefined)
    leaks?.abandon()
    throw error
  }
  const left = await test.stop().catch((error: unknown) => {
    leaks?.abandon()
    throw error
  })
  left.push(...((await leaks?.end()) ?? []))
  if (left.length > 0) throw new WeaverError('WEAVER_TEST', `the test left something behind: ${left.join('; ')}`)
  return result
}

/** Takes the place of main where the test has none. */
class TestMain implements Main {
  main(): void {
    // The test does what main would do.
  }
}

/** How long `main()` may take to bind a listener. */
const BIND_MS = 10_000
/** How long a component may take to stop: calls that run are waited for. */
const STOP_MS = 4_000
/** What it is told: it cuts off what is not done by then, before it is given up. */
const GRACE_MS = 3_500
/**
 * The same for a process: beyond its grace period it has to end, which takes its time on a busy
 * machine.
 */
const PROCESS_STOP_MS = 10_000
let count = 0
const print = prettyPrinter({ isColored: false })
const show = (entry: LogEntry): void => void process.stderr.write(isLine(entry) ? `${entry.message}\n` : print(entry))
/** Not of a logger. */
const isLine = ({ level }: LogEntry): boolean => level === 'stdout' || level === 'stderr'

class RunningTest implements WeaverTest {
  readonly runner: Runner
  readonly #options: WeaverTestOptions
  readonly #gen: WeaverGen
  readonly #app: new () => Main
  readonly #deploymentId = `test-${process.pid}-${(count += 1)}`
  readonly #configOf: (component: string) => unknown
  readonly #configSections: readonly string[]
  readonly #faked: ReadonlySet<string>
  readonly #sink: LogSink
  readonly #weavelets: Weavelet[] = []
  readonly #children: Envelope[] = []
  readonly #failures: unknown[] = []
  #broker: Awaited<ReturnType<typeof startTestBroker>> | undefined
  #deployer: TestDeployer | undefined
  #main: Weavelet | undefined

  constructor(options: WeaverTestOptions, runner: Runner) {
    this.#options = options
    this.runner = runner
    this.#app = options.app ?? TestMain
    const gen = withFakes(options.weaver, options.fakes ?? [])
    this.#gen = options.app === undefined ? { ...gen, main: { refs: [], listeners: [] } } : gen
    this.#faked = new Set(options.fakes?.map(({ component }) => component))
    const { config = {} } = options
    const given =
      typeof config === 'string'
        ? parseAppConfig(config, { path: 'the config of the test', program: 'test' })
        : { configOf: (name: string) => config[name], sections: Object.keys(config) }
    this.#configOf = given.configOf
    this.#configSections = given.sections
    this.#sink = options.verbose === true ? entrySink(show, 'debug') : { level: 'error', write: () => undefined }
  }

  get listeners(): WeaverTest['listeners'] {
    return this.#main?.listeners ?? {}
  }

  async url(listener: string): Promise<string> {
    const until = Date.now() + BIND_MS
    for (;;) {
      this.#throwIfMainFailed()
      const at = this.listeners[listener]
      if (at !== undefined) return `http://${at.host.includes(':') ? `[${at.host}]` : at.host}:${at.port}`
      if (Date.now() > until)
        throw new WeaverError(
          'WEAVER_TEST',
          `listener "${listener}" was not bound after ${BIND_MS / 1_000} s; give \`app\`, the class whose main() serves it`,
        )
      await sleep(2)
    }
  }

  get natsUrl(): string | undefined {
    return this.#broker?.url
  }

  get<T>(token: Component<T>): T {
    if (this.#main === undefined) throw new WeaverError('WEAVER_TEST', 'the test is not running')
    return this.#main.ref(token)
  }

  implementation<T>(token: Component<T>): T & object {
    return this.implementations(token)[0] as T & object // there is one, or it throws
  }

  implementations<T>(token: Component<T>): readonly (T & object)[] {
    const found = this.#weavelets.flatMap((weavelet) => weavelet.implementation(token) ?? [])
    if (found.length > 0) return found
    throw new WeaverError(
      'WEAVER_TEST',
      this.runner === 'multi' && this.#gen.components().some((binding) => binding.token.name === token.name)
        ? `"${token.name}" lives in another process; use the runner "local" or "rpc" to look into it`
        : `the application has no component "${token.name}"`,
    )
  }

  async start(): Promise<void> {
    const tokens = this.#gen.components().map(({ token }) => token)
    const { replicas = 1 } = this.#options
    if (this.runner === 'local') this.#main = await this.#startHere(undefined)
    else {
      this.#broker = await startTestBroker(this.#options.natsUrl)
      const { url: natsUrl } = this.#broker
      const deployer = (this.#deployer = await startTestDeployer({
        gen: this.#gen,
        natsUrl,
        deploymentId: this.#deploymentId,
        logSink: this.#sink,
        replicas,
      }))
      // Each listens for calls before anybody can make one.
      const replicasOf = (name: string): number => (this.#faked.has(name) ? 1 : replicas)
      await Promise.all(
        tokens.flatMap(({ name }) =>
          Array.from({ length: replicasOf(name) }, (_, replica) =>
            this.runner === 'rpc' || this.#faked.has(name) ? this.#startHere(name, replica) : this.#startChild(name, replica, deployer),
          ),
        ),
      )
      const main = await this.#startHere(MAIN_COMPONENT)
      const routed = tokens.filter(isRouted)
      for (const token of routed) main.ref(token) // it asks who has which keys
      await deployer.assigned(
        this.#bootstrap(MAIN_COMPONENT).replica,
        routed.map(({ name }) => ({ name, replicas: replicasOf(name) })),
      )
      this.#main = main
    }
    this.#throwIfMainFailed()
  }

  /** @returns what is left; empty is good. */
  async stop(): Promise<string[]> {
    const left: string[] = []
    // Main first, as nobody calls it; a component only when none of those that call it is up is
    // more than a test can know.
    for (const weavelet of this.#weavelets.reverse())
      if (!(await within(STOP_MS, weavelet.stop())))
        left.push('a component did not stop, or not cleanly; does a call of it never end? Run the test with `verbose: true` to see more')
    const ended = await Promise.all(this.#children.map(async (child) => problemOf(child.name, await child.stop())))
    left.push(...ended.flatMap((problem) => (problem === undefined ? [] : `the process of ${problem}`)))
    await this.#deployer?.stop()
    left.push(...((await this.#broker?.stop()) ?? []))
    this.#throwIfMainFailed()
    return left
  }

  async #startHere(component: string | undefined, replica = 0): Promise<Weavelet> {
    const bootstrap = component === undefined ? undefined : this.#bootstrap(component, replica)
    const group = component ?? 'main'
    const weavelet = await startWeavelet({
      app: this.#app,
      gen: this.#gen,
      deployment: {
        app: 'test',
        deploymentId: this.#deploymentId,
        versionId: 'test',
        group,
        replica: bootstrap?.replica ?? 'test',
        isSingle: bootstrap === undefined,
      },
      ...(bootstrap === undefined ? {} : { bootstrap }),
      shutdownGraceMs: GRACE_MS,
      configOf: this.#configOf,
      configSections: this.#configSections,
      replaced: this.#faked,
      copyArgs: this.#options.copyArgs === true,
      interceptors: this.#interceptors(),
      defaultTimeoutMs: this.#options.defaultTimeoutMs,
      addressOf: () => '127.0.0.1:0',
      logSink: this.#sink,
      onFailed: (error) => void this.#failures.push(error),
    })
    this.#weavelets.push(weavelet)
    return weavelet
  }

  async #startChild(component: string, replica: number, { controlOf }: TestDeployer): Promise<void> {
    const { entry = '', verbose } = this.#options // `entry` is checked by weaverTest
    const file = typeof entry === 'string' && !entry.startsWith('file:') ? entry : fileURLToPath(entry)
    const bootstrap = this.#bootstrap(component, replica)
    const child = startEnvelope({
      name: replica === 0 ? component : `${component}, replica ${replica}`,
      command: { file: process.execPath, args: [file], env: { ...process.env, NODE_OPTIONS: '' }, hasLifeline: true },
      bootstrap,
      control: controlOf(bootstrap.replica),
      graceMs: PROCESS_STOP_MS,
      ...(verbose === true ? { output: { entry: show } } : {}),
    })
    this.#children.push(child)
    await child.ready().catch((cause: Error) => {
      throw new WeaverError('WEAVER_TEST', `the process of ${cause.message}`, { cause })
    })
  }

  #bootstrap(component: string, replica = 0): Bootstrap {
    const group = component.replace(/[^A-Za-z0-9]+/g, '-').toLowerCase()
    return {
      version: 1,
      app: 'test',
      deploymentId: this.#deploymentId,
      versionId: 'test',
      group,
      replica: `${group}-${replica}`,
      components: [component],
      listeners: {},
      shutdownGraceMs: GRACE_MS,
      nats: { servers: [this.#broker?.url ?? ''] }, // there is one in every runner that asks for a bootstrap
      config: Object.fromEntries([[component, this.#configOf(component)]].filter(([, value]) => value !== undefined)),
    }
  }

  #interceptors(): Interceptors | undefined {
    const { extraRuns: count = this.runner === 'rpc' ? 1 : 0, interceptors } = this.#options
    return count === 0 ? interceptors : { ...interceptors, client: [...(interceptors?.client ?? []), extraRuns(this.#gen, count)] }
  }

  #throwIfMainFailed(): void {
    if (this.#failures.length > 0) throw this.#failures[0]
  }
}

/** @returns false when it takes longer than that */
async function within(ms: number, work: Promise<boolean>): Promise<boolean> {
  const timer = new AbortController()
  try {
    return await Promise.race([work, sleep(ms, false, { signal: timer.signal })])
  } finally {
    timer.abort()
  }
}
