/** The parts of a weavelet. Nothing here runs yet: weavelet.ts starts and stops it. */
import type { ComponentBinding } from '../component/binding.js'
import { limitProblems } from '../context/time-limit.js'
import { registerGeneratedErrors } from '../codec/error-codec.js'
import type { CallTarget } from '../rpc/client/pending-call.js'
import { RpcClient } from '../rpc/client/rpc-client.js'
import { RpcServer } from '../rpc/server/rpc-server.js'
import type { Transport } from '../rpc/transport/transport.js'
import { Routing, routeWithin } from '../routing/routing.js'
import type { Logger } from '../telemetry/logger.js'
import { observeHttp } from '../telemetry/observe-http.js'
import type { Tracing } from '../telemetry/tracing/tracing.js'
import { ComponentHost } from './hosting/component-host.js'
import type { HostOptions } from './hosting/host-options.js'
import { createListener } from './listener/listener.js'
import { answerFailures } from './listener/request-failures.js'
import { runLimitProblems } from './run-limits.js'
import type { WeaveletOptions } from './weavelet-options.js'

/** Addresses of bound listeners, by name. */
export type BoundAddresses = Readonly<Record<string, { readonly host: string; readonly port: number }>>

/** The connections to other processes. */
export interface Remote {
  readonly transport: Transport
  readonly client: RpcClient
  readonly server: RpcServer
  readonly routing: Routing
}

export interface WeaveletParts {
  readonly log: Logger
  /** `undefined` if everything runs in this process. */
  readonly remote: Remote | undefined
  readonly components: ComponentHost
  /** Addresses of the listeners bound so far. */
  readonly bound: BoundAddresses
}

export interface Surroundings {
  readonly log: Logger
  readonly transport: Transport | undefined
  readonly tracing: Tracing | undefined
}

export function createParts(options: WeaveletOptions, given: Surroundings): WeaveletParts {
  const { gen, bootstrap, deployment } = options
  const { log, transport, tracing } = given
  registerGeneratedErrors(gen)
  const remote = transport === undefined ? undefined : createRemote(options, { ...given, transport })
  const bound: Record<string, { readonly host: string; readonly port: number }> = {}
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
    ...waysOut(remote, options.defaultTimeoutMs),
    startWaitMs: options.startWaitMs,
    defaultTimeoutMs: options.defaultTimeoutMs,
    runProblems: [...limitProblems(options), ...runLimitProblems(options)],
    log,
  })
  return { log, remote, components, bound }
}

function createRemote(options: WeaveletOptions, { log, transport, tracing }: Surroundings & { readonly transport: Transport }): Remote {
  const { deploymentId, replica } = options.deployment
  const { maxMessageBytes, maxBatch, maxConcurrent, gen } = options
  const shared = { transport, deploymentId, replica, fingerprint: gen.fingerprint, log, tracing, maxMessageBytes }
  return {
    transport,
    client: new RpcClient({ ...shared, maxBatch }),
    server: new RpcServer({ ...shared, maxConcurrent }),
    routing: new Routing(shared),
  }
}

/** How components call those hosted elsewhere. */
function waysOut(
  remote: Remote | undefined,
  defaultTimeoutMs: number | undefined,
): Pick<HostOptions, 'invoker' | 'routeTo' | 'isConnected' | 'whenServed'> {
  if (remote === undefined) return { invoker: undefined, routeTo: routeWithin, isConnected: () => false }
  const { transport, client, routing } = remote
  const targetOf = ({ token, methods }: ComponentBinding): CallTarget => ({
    component: token.name,
    methods,
    notRetriable: new Set(token.options.notRetriable),
    timeoutMs: (token.options.timeoutMs ?? {}) as Record<string, number | undefined>, // its keys are names of methods
    defaultTimeoutMs: token.options.defaultTimeoutMs ?? defaultTimeoutMs,
    route: routing.routeTo(token),
  })
  return {
    invoker: (binding, caller) => client.invoker(targetOf(binding), caller),
    routeTo: (token) => routing.routeTo(token),
    isConnected: () => transport.isConnected,
    whenServed: (component, signal) => client.whenServed(component, signal),
  }
}
