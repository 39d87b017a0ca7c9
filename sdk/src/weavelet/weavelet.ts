/**
 * One process of an application: hosts the components that the bootstrap names (all of them without
 * one), answers the deployer, and stops without losing a call. weavelet-parts.ts creates the parts,
 * start-weavelet.ts connects to the broker before.
 *
 * I1  Ready means: every hosted component has started, every listener that the bootstrap names is
 *     bound, and the broker has received our subscriptions.
 * I2  A stop goes from the outside in: readiness, leadership, listeners, arriving calls, calls in
 *     flight, main(), components in reverse order, the broker. Each part is closed only when
 *     nothing before it can need it any more.
 * I3  Nothing from outside keeps components from their shutdown(): after 0.8 of the grace period
 *     ongoing work is cut off, and the stop was not clean.
 */
import type { Server } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Component } from '../component/component.js'
import type { Deployment } from '../context/deployment.js'
import { processNow } from '../context/process-clock.js'
import { MAIN_COMPONENT } from '../contract/bootstrap.js'
import type { ClosingEvent } from '../contract/control.js'
import { eventSubject } from '../contract/subjects.js'
import { startLeaders, type Leaders } from '../leader/leaders.js'
import { processMetrics } from '../telemetry/metrics.js'
import { formatFor, metricsText, CONTENT_TYPE } from '../telemetry/prometheus-text.js'
import { answerControl, type ControlTarget } from './control/control-channel.js'
import { startControlServer } from './control/control-server.js'
import { createHealthServer } from './control/health-server.js'
import { createListener, type BoundListener } from './listener/listener.js'
import { graceMsOf } from './run-limits.js'
import type { WeaveletOptions } from './weavelet-options.js'
import type { BoundAddresses, WeaveletParts } from './weavelet-parts.js'

/**
 * The share of the grace period after which open connections, streams and calls are cut off, so
 * that the rest of the stop has its time.
 */
const CUT_SHARE = 0.8

export class Weavelet {
  readonly #options: WeaveletOptions
  readonly #parts: WeaveletParts
  #phase: 'starting' | 'serving' | 'draining' | 'stopped' = 'starting'
  #stopping: Promise<boolean> | undefined
  /** Aborts when the stop begins. */
  readonly #life = new AbortController()
  #health: { readonly server: Server; readonly listener: BoundListener; readonly port: number } | undefined
  #controlServer: { close(): Promise<void> } | undefined
  #leaders: Leaders | undefined
  /** For a `main()` that takes `life`, and so can know when to end. */
  #mainDone: Promise<boolean> = Promise.resolve(true)

  constructor(options: WeaveletOptions, parts: WeaveletParts) {
    this.#options = options
    this.#parts = parts
  }

  /** Port of the health server; `undefined` without one. */
  get healthPort(): number | undefined {
    return this.#health?.port
  }

  /** Bound listeners by name. */
  get listeners(): BoundAddresses {
    return this.#parts.bound
  }

  /**
   * A component as main holds it.
   * @throws WeaverError `WEAVER_START_INVALID` if the application has no component of that name
   */
  ref<T>(token: Component<T>): T {
    return this.#parts.components.refFor(token, MAIN_COMPONENT)
  }

  /** The implementation object of a component hosted here. */
  implementation<T>(token: Component<T>): (T & object) | undefined {
    return this.#parts.components.implementation(token)
  }

  /** I1 */
  async isReady(): Promise<boolean> {
    const { bound, components, remote } = this.#parts
    return (
      this.#phase === 'serving' &&
      remote?.transport.isConnected !== false &&
      Object.keys(this.#options.bootstrap?.listeners ?? {}).every((name) => bound[name] !== undefined) &&
      (await components.isHealthy())
    )
  }

  /**
   * Resolves when the components have started and `main()` is running. Call it once; if it fails,
   * what has started is stopped.
   */
  async start(): Promise<void> {
    await this.#serveHealth()
    try {
      await this.#answerDeployer()
      await this.#startComponents()
      await this.#parts.remote?.transport.flush()
      // Stopped before it began: what has started is shut down, and nothing else starts.
      if (this.#options.signal?.aborted === true) return
      this.#serve()
      this.#runMain()
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  async #serveHealth(): Promise<void> {
    const { bootstrap, deployment } = this.#options
    if (bootstrap?.health === undefined) return
    const server = createHealthServer({
      deploymentId: deployment.deploymentId,
      isReady: () => this.isReady(),
      metrics: (accept) => metricsFor(deployment, accept),
    })
    const listener = createListener('health', bootstrap.health.address)
    const { port } = await listener.serve(server)
    this.#health = { server, listener, port }
  }

  async #answerDeployer(): Promise<void> {
    const { log, remote } = this.#parts
    const { controlSocket } = this.#options
    const target = this.#controlTarget()
    if (remote !== undefined) answerControl(remote.transport, target)
    if (controlSocket === undefined) return
    try {
      this.#controlServer = await startControlServer(controlSocket, target)
    } catch (error) {
      log.warn('`weaver single status`, `metrics` and `profile` will not reach this process', { err: error })
    }
  }

  #controlTarget(): ControlTarget {
    const { deployment, gen, logSink } = this.#options
    const { bound, components, log, remote } = this.#parts
    const { replica, group, versionId } = deployment
    return {
      deployment,
      logSink,
      log,
      status: async () => ({
        kind: 'status',
        replica,
        group,
        versionId,
        fingerprint: gen.fingerprint,
        ready: await this.isReady(),
        draining: this.#phase === 'draining',
        inFlight: (remote?.server.inFlight ?? 0) + (remote?.client.inFlight ?? 0),
        served: remote?.server.served ?? 0,
        listeners: bound,
      }),
      goodbye() {
        for (const listener of components.listeners) {
          const connections = listener.goodbye()
          if (connections > 0)
            log.info('clients were asked to reconnect: this version is about to be cut off', { listener: listener.name, connections })
        }
      },
      routing: () => remote?.routing.status ?? { kind: 'routing', assignments: [] },
    }
  }

  /** Each serves calls of other processes as soon as it has started. */
  async #startComponents(): Promise<void> {
    const { components, log, remote } = this.#parts
    const served = new Map(components.served.map((component) => [component.name, component]))
    await components.start((name) => {
      const component = served.get(name)
      if (component !== undefined) remote?.server.serve({ name, methods: component.binding.methods, instance: component.instance })
      log.debug('component started', { component: name })
    }, this.#options.signal)
  }

  #serve(): void {
    const { components, log, remote } = this.#parts
    const { bootstrap, deployment } = this.#options
    const { deploymentId, replica } = deployment
    const hosted = components.served.map(({ binding, instance }) => ({ token: binding.token, instance }))
    remote?.routing.join(hosted.map(({ token }) => token))
    this.#phase = 'serving'
    this.#leaders = startLeaders({ hosted, transport: remote?.transport, log, deploymentId, replica })
    const names = bootstrap?.components ?? [MAIN_COMPONENT, ...hosted.map(({ token }) => token.name)]
    log.info('started', { components: [...names] })
  }

  #runMain(): void {
    const { components, log } = this.#parts
    const { main } = components
    if (main === undefined) return
    const { signal } = this.#life
    const running = (async () => main.main({ signal }))().catch((error: unknown) => {
      if (this.#phase === 'serving') this.#options.onFailed(error)
      else if (error !== signal.reason) log.warn('main() failed while the process was stopping', { err: error })
    })
    if (main.main.length > 0) this.#mainDone = running.then(() => true)
  }

  /** Drains and stops; resolves to true if everything ended well. Idempotent. */
  stop(): Promise<boolean> {
    return (this.#stopping ??= this.#stop())
  }

  /** I2 */
  async #stop(): Promise<boolean> {
    const { components, remote } = this.#parts
    const { bootstrap, shutdownGraceMs } = this.#options
    this.#phase = 'draining'
    this.#life.abort(new DOMException('the process stops', 'AbortError'))
    const preStopMs = bootstrap?.preStopMs ?? 0
    const cutAt = processNow() + preStopMs + CUT_SHARE * graceMsOf(bootstrap, shutdownGraceMs) // I3
    const leftMs = (): number => Math.max(0, cutAt - processNow())

    remote?.routing.drain()
    if (preStopMs > 0) this.#tellClosing()
    const resigning = this.#leaders?.stop(leftMs()) ?? true
    for (const listener of components.listeners) listener.beginDrain()
    if (preStopMs > 0) await sleep(preStopMs)
    const areClosed = await this.#closeListeners(leftMs)
    const isDrained = await this.#drainCalls(leftMs)
    remote?.routing.leave()
    const hasResigned = await resigning
    const hasMainEnded = await this.#endMain(leftMs)
    const isClean = await components.stop()
    this.#phase = 'stopped'
    await this.#leaveDeployer()
    const isDisconnected = await this.#disconnect()
    return areClosed && isDrained && hasResigned && hasMainEnded && isClean && isDisconnected
  }

  /** If no deployer receives it, the time of `preStopMs` must suffice. */
  #tellClosing(): void {
    const { bound, log, remote } = this.#parts
    const { deploymentId, replica } = this.#options.deployment
    if (Object.keys(bound).length === 0 || remote?.transport.isConnected !== true) return
    const event: ClosingEvent = { kind: 'closing', replica }
    try {
      remote.transport.publish(eventSubject(deploymentId), Buffer.from(JSON.stringify(event)))
    } catch (error) {
      log.warn('the deployer was not notified that the listeners close', { err: error })
    }
  }

  async #closeListeners(leftMs: () => number): Promise<boolean> {
    const { components, log } = this.#parts
    const closed = await Promise.all(
      components.listeners.map(async (listener) => {
        const isClean = await listener.close({ withinMs: leftMs() })
        if (!isClean) log.error('connections were cut off: they were not done in time for the stop', { listener: listener.name })
        return isClean
      }),
    )
    return closed.every((isClean) => isClean)
  }

  #drainCalls(leftMs: () => number): Promise<boolean> {
    const { log, remote } = this.#parts
    return this.#attempt('calls could not be drained', async () => {
      const { calls, streams } = (await remote?.server.drain({ streamsMs: leftMs(), callsMs: leftMs() })) ?? { calls: 0, streams: 0 }
      if (calls > 0) log.error('calls were cancelled: they were not done in time for the stop', { calls })
      if (streams > 0) log.error('streams were cut off: they were not done in time for the stop', { streams })
      return calls + streams === 0
    })
  }

  async #endMain(leftMs: () => number): Promise<boolean> {
    const hasEnded = await Promise.race([this.#mainDone, sleep(leftMs(), false, { ref: false })])
    if (!hasEnded) this.#parts.log.error('main() has not ended in time for the stop; let it end when the signal that it is given fires')
    return hasEnded
  }

  async #leaveDeployer(): Promise<void> {
    this.#health?.server.closeAllConnections()
    await this.#health?.listener.close()
    await this.#controlServer?.close()
    await this.#options.logShipper?.stop()
  }

  #disconnect(): Promise<boolean> {
    return this.#attempt('the connection to the broker could not be closed', async () => {
      await this.#parts.remote?.transport.close()
      return true
    })
  }

  /** A failing part of the stop does not prevent the others. */
  async #attempt(failure: string, part: () => Promise<boolean>): Promise<boolean> {
    try {
      return await part()
    } catch (error) {
      this.#parts.log.error(failure, { err: error })
      return false
    }
  }
}

/** The response to a scraper. */
function metricsFor({ app, versionId, replica }: Deployment, accept: string | undefined): { readonly type: string; readonly text: string } {
  const format = formatFor(accept)
  return { type: CONTENT_TYPE[format], text: metricsText(processMetrics.collect(), format, { app, version: versionId, replica }) }
}
