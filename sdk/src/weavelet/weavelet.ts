/**
 * One process of an application: hosts the components that the bootstrap names (all of them without one), answers the deployer, and stops without losing a call.
 *
 * I1  Ready means: every hosted component has started, every listener that the bootstrap names is bound, and the broker has seen our subscriptions.
 * I2  A stop goes outside in: unready, leadership, listeners, calls that arrive, calls in flight, main(), components in reverse order, the broker. Each part is
 *     closed only when nothing before it can ask for it any more.
 * I3  Nothing from outside keeps components from their shutdown(): after 0.8 of the grace period what goes on is cut off, and the stop was not clean.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { WeaverGen } from '../component/binding.js'
import type { Component, Main } from '../component/component.js'
import type { Interceptors } from '../component/interceptor.js'
import { MAIN_COMPONENT, MAX_TIMER_MS, type Bootstrap } from '../contract/bootstrap.js'
import type { ClosingEvent } from '../contract/control.js'
import { eventSubject, inboxPrefix } from '../contract/subjects.js'
import { startLeaders, type Leaders } from '../leader/leaders.js'
import { registerGeneratedErrors } from '../codec/error-codec.js'
import { connectNats } from '../rpc/transport/nats-transport.js'
import { processNow } from '../context/process-clock.js'
import { RpcClient } from '../rpc/client/rpc-client.js'
import { RpcServer } from '../rpc/server/rpc-server.js'
import { checkOneCopy } from '../context/sdk-copies.js'
import { limitProblems } from '../context/time-limit.js'
import type { Transport } from '../rpc/transport/transport.js'
import type { LogShipper } from '../telemetry/log-shipper.js'
import { observeHttp } from '../telemetry/observe-http.js'
import { Routing, routeWithin } from '../routing/routing.js'
import { createLogger, type Logger, type LogSink } from '../telemetry/logger.js'
import { processMetrics } from '../telemetry/metrics.js'
import { formatFor, metricsText, CONTENT_TYPE } from '../telemetry/prometheus-text.js'
import { loadTracing } from '../telemetry/tracing/load-tracing.js'
import type { Tracing, TracingOptions } from '../telemetry/tracing/tracing.js'
import { ComponentHost } from './component-host.js'
import { answerControl, type ControlTarget } from './control/control-channel.js'
import { startControlServer } from './control/control-server.js'
import type { Deployment } from '../context/deployment.js'
import { createHealthServer } from './control/health-server.js'
import { createListener } from './listener/listener.js'
import { answerFailures } from './listener/request-failures.js'
import { runLimitProblems, type RunLimits } from './run-limits.js'

/** How long a graceful stop may take, in milliseconds, when nobody says otherwise. */
const DEFAULT_GRACE_MS = 25_000

/** How long a stop may take, in milliseconds, without what the deployer waits before it. The deployer's word counts, then the application's. */
export function graceMsOf(bootstrap: Bootstrap | undefined, own: number | undefined): number {
  return Math.min(bootstrap?.shutdownGraceMs ?? own ?? DEFAULT_GRACE_MS, MAX_TIMER_MS)
}
/** The part of it after which connections, streams and calls that go on are cut off, so that the rest of the stop has its time. */
const CUT_SHARE = 0.8

export interface WeaveletOptions extends RunLimits {
  readonly app: new () => Main
  readonly gen: WeaverGen
  readonly deployment: Deployment
  /** Absent: everything runs here. */
  readonly bootstrap?: Bootstrap
  /** Configuration by component name. */
  readonly configOf: (component: string) => unknown
  /** What there is configuration for: names of components or their last parts. */
  readonly configSections?: readonly string[]
  /** What to do when any of it is wrong, where all of it has one reason. */
  readonly configRemedy?: string | undefined
  /** Components whose implementation a test has replaced. */
  readonly replaced?: ReadonlySet<string> | undefined
  /** Listeners that there is an address for, where that is to be checked. */
  readonly configListeners?: readonly string[]
  /** `host:port` to bind, by listener name. */
  readonly addressOf: (listener: string) => string
  readonly logSink: LogSink
  /** Gets the connection to the broker when there is one. */
  readonly logShipper?: LogShipper | undefined
  /** Local calls copy arguments and results, as calls between processes do. @default false */
  readonly copyArgs?: boolean
  readonly interceptors?: Interceptors | undefined
  /** Where a deployer without a broker asks: path of a Unix socket, or of a named pipe on Windows. */
  readonly controlSocket?: string | undefined
  /** How long a call may take where neither method nor component says, in milliseconds. @default 30000 */
  readonly defaultTimeoutMs?: number | undefined
  /** For an application with an OpenTelemetry SDK. */
  readonly tracing?: TracingOptions
  /** `main()` failed, or the connection to the broker, or a subscription, is lost for good. The process must stop with an error: it does nothing useful any more. */
  readonly onFailed: (error: unknown) => void
  readonly signal?: AbortSignal
}

export interface Weavelet {
  /** Drains and stops; resolves to true when everything ended well. Idempotent. */
  stop(): Promise<boolean>
  isReady(): Promise<boolean>
  /** Where the health server listens; `undefined` without one. */
  readonly healthPort: number | undefined
  /** Bound listeners by name. */
  readonly listeners: Readonly<Record<string, { readonly host: string; readonly port: number }>>
  /** A component as main holds it. @throws WeaverError `WEAVER_START_INVALID` when the application has none of that name */
  ref<T>(token: Component<T>): T
  /** The object behind a component that is hosted here. */
  implementation<T>(token: Component<T>): (T & object) | undefined
}

/** Starts a weavelet; resolves when its components have started and `main()` is running. */
export async function startWeavelet(options: WeaveletOptions): Promise<Weavelet> {
  checkOneCopy()
  const { bootstrap, deployment } = options
  const { app, versionId, deploymentId, group, replica } = deployment
  const log = createLogger(options.logSink, deployment.isSingle ? {} : { app, version: versionId, deploymentId, group, replica })
  const nats = bootstrap?.nats
  const transport =
    nats === undefined
      ? undefined
      : await connectNats({
          servers: nats.servers,
          ...(nats.credsFile === undefined ? {} : { credsFile: nats.credsFile }),
          tls: nats.tls,
          name: replica,
          inboxPrefix: inboxPrefix(deploymentId, group, replica),
          log,
          ...(options.signal === undefined ? {} : { signal: options.signal }),
        })
  if (transport !== undefined) {
    options.logShipper?.start(transport)
    void transport.lost.then(options.onFailed)
  }
  try {
    return await host(options, { log, transport, tracing: await loadTracing(options.tracing) })
  } catch (error) {
    await options.logShipper?.stop()
    await transport?.close()
    throw error
  }
}

async function host(
  options: WeaveletOptions,
  with_: { readonly log: Logger; readonly transport: Transport | undefined; readonly tracing: Tracing | undefined },
): Promise<Weavelet> {
  const { bootstrap, deployment, gen } = options
  const { log, transport, tracing } = with_
  const bound: Record<string, { readonly host: string; readonly port: number }> = {}
  registerGeneratedErrors(gen)
  const rpc = {
    deploymentId: deployment.deploymentId,
    replica: deployment.replica,
    fingerprint: gen.fingerprint,
    log,
    tracing,
    maxMessageBytes: options.maxMessageBytes,
  }
  const client = transport === undefined ? undefined : new RpcClient({ ...rpc, transport, maxBatch: options.maxBatch })
  const server = transport === undefined ? undefined : new RpcServer({ ...rpc, transport, maxConcurrent: options.maxConcurrent })
  const routing = transport === undefined ? undefined : new Routing({ ...rpc, transport })
  const components = new ComponentHost({
    app: options.app,
    gen,
    replica: deployment.replica,
    copyArgs: options.copyArgs === true,
    interceptors: options.interceptors,
    tracing,
    hosted: bootstrap === undefined ? undefined : new Set(bootstrap.components),
    configOf: options.configOf,
    configSections: options.configSections ?? [],
    configRemedy: options.configRemedy,
    configListeners: options.configListeners ?? [],
    replaced: options.replaced,
    listenerFor: (name) =>
      createListener(name, options.addressOf(name), {
        onServe: (server) => {
          answerFailures(server, { listener: name, log })
          observeHttp(server, { listener: name, tracing })
        },
        onBound: (at) => {
          bound[name] = at
          log.info('listening', { listener: name, address: `${at.host.includes(':') ? `[${at.host}]` : at.host}:${at.port}` })
        },
      }),
    invoker:
      client === undefined
        ? undefined
        : ({ token, methods }, caller) =>
            client.invoker(
              {
                component: token.name,
                methods,
                notRetriable: new Set(token.options.notRetriable),
                timeoutMs: (token.options.timeoutMs ?? {}) as Record<string, number | undefined>,
                defaultTimeoutMs: token.options.defaultTimeoutMs ?? options.defaultTimeoutMs,
                route: routing?.routeTo(token),
              },
              caller,
            ),
    routeTo: (token) => (routing === undefined ? routeWithin(token) : routing.routeTo(token)),
    isConnected: () => transport?.isConnected === true,
    whenServed: client === undefined ? undefined : (component, signal) => client.whenServed(component, signal),
    startWaitMs: options.startWaitMs,
    defaultTimeoutMs: options.defaultTimeoutMs,
    runProblems: [...limitProblems(options), ...runLimitProblems(options)],
    log,
  })
  let phase: 'starting' | 'serving' | 'draining' | 'stopped' = 'starting'
  const isReady = async (): Promise<boolean> =>
    phase === 'serving' &&
    transport?.isConnected !== false &&
    Object.keys(bootstrap?.listeners ?? {}).every((name) => bound[name] !== undefined) &&
    (await components.isHealthy())

  const health =
    bootstrap?.health === undefined
      ? undefined
      : createHealthServer({ deploymentId: deployment.deploymentId, isReady, metrics: (accept) => metricsFor(deployment, accept) })
  const healthListener = health === undefined ? undefined : createListener('health', bootstrap?.health?.address ?? '')
  const healthPort = health === undefined ? undefined : (await healthListener?.serve(health))?.port

  let leaders: Leaders | undefined
  let control: { close(): Promise<void> } | undefined
  let stopping: Promise<boolean> | undefined
  const life = new AbortController()
  /** Of a `main()` that takes what it is given, and so can know when to end. */
  let mainDone: Promise<boolean> = Promise.resolve(true)
  const stop = async (): Promise<boolean> => {
    phase = 'draining'
    life.abort(new DOMException('the process stops', 'AbortError'))
    const preStopMs = bootstrap?.preStopMs ?? 0
    const cutAt = processNow() + preStopMs + CUT_SHARE * graceMsOf(bootstrap, options.shutdownGraceMs)
    const leftMs = (): number => Math.max(0, cutAt - processNow())
    routing?.drain()
    if (preStopMs > 0 && Object.keys(bound).length > 0) tellClosing()
    const resigning = leaders?.stop(leftMs()) ?? true
    for (const listener of components.listeners) listener.beginDrain()
    if (preStopMs > 0) await sleep(preStopMs)
    const closed = await Promise.all(
      components.listeners.map(async (listener) => {
        const isClean = await listener.close({ withinMs: leftMs() })
        if (!isClean) log.error('connections were cut off: they were not done in time for the stop', { listener: listener.name })
        return isClean
      }),
    )
    const isDrained = await attempt('calls could not be drained', async () => {
      const { calls, streams } = (await server?.drain({ streamsMs: leftMs(), callsMs: leftMs() })) ?? { calls: 0, streams: 0 }
      if (calls > 0) log.error('calls were cancelled: they were not done in time for the stop', { calls })
      if (streams > 0) log.error('streams were cut off: they were not done in time for the stop', { streams })
      return calls + streams === 0
    })
    routing?.leave()
    const hasResigned = await resigning
    const hasMainEnded = await Promise.race([mainDone, sleep(leftMs(), false, { ref: false })])
    if (!hasMainEnded) log.error('main() has not ended in time for the stop; let it end when the signal that it is given fires')
    const isClean = await components.stop()
    phase = 'stopped'
    health?.closeAllConnections()
    await healthListener?.close()
    await control?.close()
    await options.logShipper?.stop()
    const isClosed = await attempt('the connection to the broker could not be closed', async () => {
      await transport?.close()
      return true
    })
    return closed.every((isSo) => isSo) && hasResigned && isDrained && hasMainEnded && isClean && isClosed
  }
  /** Where nobody hears it, the time of `preStopMs` must do. */
  const tellClosing = (): void => {
    if (transport?.isConnected !== true) return
    const event: ClosingEvent = { kind: 'closing', replica: deployment.replica }
    try {
      transport.publish(eventSubject(deployment.deploymentId), Buffer.from(JSON.stringify(event)))
    } catch (error) {
      log.warn('the deployer was not notified that the listeners close', { err: error })
    }
  }
  /** A part of the stop that fails does not keep the others from theirs. */
  const attempt = async (failure: string, part: () => Promise<boolean>): Promise<boolean> => {
    try {
      return await part()
    } catch (error) {
      log.error(failure, { err: error })
      return false
    }
  }
  const stopOnce = (): Promise<boolean> => (stopping ??= stop())

  const weavelet: Weavelet = {
    stop: stopOnce,
    isReady,
    healthPort,
    listeners: bound,
    ref: (token) => components.refFor(token, MAIN_COMPONENT),
    implementation: (token) => components.implementation(token),
  }
  try {
    const target: ControlTarget = {
      deployment,
      logSink: options.logSink,
      log,
      status: async () => ({
        kind: 'status',
        replica: deployment.replica,
        group: deployment.group,
        versionId: deployment.versionId,
        fingerprint: gen.fingerprint,
        ready: await isReady(),
        draining: phase === 'draining',
        inFlight: (server?.inFlight ?? 0) + (client?.inFlight ?? 0),
        served: server?.served ?? 0,
        listeners: bound,
      }),
      goodbye() {
        for (const listener of components.listeners) {
          const connections = listener.goodbye()
          if (connections > 0)
            log.info('clients were asked to reconnect: this version is about to be cut off', { listener: listener.name, connections })
        }
      },
      routing: () => routing?.status ?? { kind: 'routing', assignments: [] },
    }
    if (transport !== undefined) answerControl(transport, target)
    if (options.controlSocket !== undefined)
      await startControlServer(options.controlSocket, target).then(
        (started) => (control = started),
        (error: unknown) => log.warn('`weaver single status`, `metrics` and `profile` will not reach this process', { err: error }),
      )
    const served = new Map(components.served.map((component) => [component.name, component]))
    await components.start((name) => {
      const component = served.get(name)
      if (component !== undefined) server?.serve({ name, methods: component.binding.methods, instance: component.instance })
      log.debug('component started', { component: name })
    }, options.signal)
    await transport?.flush()
    // Told to stop before it began: what has started is shut down, and nothing else begins.
    if (options.signal?.aborted === true) return weavelet
    routing?.join([...served.values()].map(({ binding }) => binding.token))
    phase = 'serving'
    const hosted = [...served.values()].map(({ binding, instance }) => ({ token: binding.token, instance }))
    leaders = startLeaders({ hosted, transport, log, deploymentId: deployment.deploymentId, replica: deployment.replica })
    log.info('started', { components: [...(bootstrap?.components ?? [MAIN_COMPONENT, ...served.keys()])] })
    const { main } = components
    if (main !== undefined) {
      const running = (async () => main.main({ signal: life.signal }))().catch((error: unknown) => {
        if (phase === 'serving') options.onFailed(error)
        else if (error !== life.signal.reason) log.warn('main() failed while the process was stopping', { err: error })
      })
      if (main.main.length > 0) mainDone = running.then(() => true)
    }
  } catch (error) {
    await stopOnce()
    throw error
  }
  return weavelet
}

/** What a scraper gets. */
function metricsFor({ app, versionId, replica }: Deployment, accept: string | undefined): { readonly type: string; readonly text: string } {
  const format = formatFor(accept)
  return { type: CONTENT_TYPE[format], text: metricsText(processMetrics.collect(), format, { app, version: versionId, replica }) }
}
