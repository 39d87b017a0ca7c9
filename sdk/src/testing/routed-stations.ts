/**
 * For tests of routed calls: replicas and callers of one routed component over a real nats-server,
 * and a deployer that assigns the keys. Heartbeats are faster than in production.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { MethodBinding } from '../component/binding.js'
import { component, type Component } from '../component/component.js'
import { startAssignmentController, type AssignmentController } from '@weaver/deployer'
import type { Assignment } from '../contract/assignment.js'
import type { Balance } from '../contract/routing.js'
import { Routing } from '../routing/routing.js'
import { connectNats } from '../rpc/transport/connect-nats.js'
import { RpcClient } from '../rpc/client/rpc-client.js'
import { RpcServer } from '../rpc/server/rpc-server.js'
import type { Transport } from '../rpc/transport/transport.js'
import type { Logger } from '../telemetry/logger.js'
import { answerControl } from '../weavelet/control/control-channel.js'
import { BUILD, DEPLOYMENT, startStations, type Stations } from './rpc-stations.js'

export interface Cache {
  /** Returns who answered. What follows a colon is not part of the key. */
  get(key: string): Promise<string>
  /** A method without a router. */
  any(key: string): Promise<string>
  list(key: string): AsyncIterable<string>
}
export const Cache: Component<Cache> = component<Cache>('shop/Cache', {
  router: { get: (key) => key.split(':')[0] ?? '', list: (key) => key },
})
export const CACHE_METHODS: readonly MethodBinding[] = ['get', 'any', 'list'].map((name) => ({
  name,
  encodeArgs: (w, [key]) => w.string(key as string), // the interface says so
  decodeArgs: (r) => [r.string()],
  encodeResult: (w, who) => w.string(who as string),
  decodeResult: (r) => r.string(),
  ...(name === 'list' ? { isStream: true as const } : {}),
}))
export const FAST_HEARTBEAT_MS = 250
export const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => silent,
}

export interface CacheReplica {
  readonly server: RpcServer
  readonly transport: Transport
  stop(): Promise<void>
}

export interface CacheCaller extends Cache {
  readonly routing: Routing
  /** Resolves when the caller knows an assignment of exactly these. */
  knows(...replicas: readonly string[]): Promise<Assignment>
}

export interface RoutedStations {
  readonly stations: Stations
  connection(replica: string): Promise<Transport>
  /** `history`: each assignment that it made. */
  startController(balance?: Balance): Promise<{ readonly controller: AssignmentController; readonly history: readonly Assignment[] }>
  /** @param seen receives the argument of each call, in order of arrival */
  startReplica(replica: string, seen?: string[]): Promise<CacheReplica>
  startCaller(replica?: string): Promise<CacheCaller>
  close(): Promise<void>
}

export async function startRoutedStations(): Promise<RoutedStations> {
  const stations = await startStations()
  const controllers: AssignmentController[] = []
  const connection = async (replica: string): Promise<Transport> => {
    const inboxPrefix = `wv.${DEPLOYMENT}.i.${replica}`
    const transport = await connectNats({ servers: [stations.nats.url], name: replica, inboxPrefix, log: silent })
    stations.onClose(() => transport.close())
    return transport
  }
  /** Like a weavelet, which also answers its deployer. */
  const startRouting = (rpc: { readonly transport: Transport; readonly replica: string }): Routing => {
    const routing = new Routing({ ...rpc, deploymentId: DEPLOYMENT, log: silent, heartbeatMs: FAST_HEARTBEAT_MS })
    stations.onClose(async () => routing.leave())
    const deployment = { app: 'shop', deploymentId: DEPLOYMENT, versionId: 'v1', group: 'main', isSingle: false, replica: rpc.replica }
    const logSink = { level: 'debug' as const, write: () => undefined }
    const status = async () => ({ kind: 'ok' as const })
    const goodbye = (): void => undefined
    answerControl(rpc.transport, { deployment, logSink, log: silent, status, goodbye, routing: () => routing.status })
    return routing
  }
  return {
    stations,
    connection,
    async startController(balance) {
      const history: Assignment[] = []
      const controller = startAssignmentController({
        deploymentId: DEPLOYMENT,
        port: await connection('deployer'),
        heartbeatMs: FAST_HEARTBEAT_MS,
        gatherMs: 20,
        startMs: 100,
        loadMs: 150,
        onAssignment: (assignment) => void history.push(assignment),
        balanceOf: () => balance,
      })
      controllers.push(controller)
      return { controller, history }
    },
    async startReplica(replica, seen = []) {
      const transport = await connection(replica)
      const rpc = { transport, deploymentId: DEPLOYMENT, replica, fingerprint: BUILD, log: silent }
      const server = new RpcServer(rpc)
      const answer = async (key: string): Promise<string> => (seen.push(key), replica)
      const list = async function* (key: string) {
        yield answer(key)
      }
      server.serve({ name: Cache.name, methods: CACHE_METHODS, instance: { get: answer, any: answer, list } })
      await transport.flush()
      const routing = startRouting(rpc)
      routing.join([Cache])
      return {
        server,
        transport,
        async stop() {
          routing.drain()
          await server.drain()
          routing.leave()
        },
      }
    },
    async startCaller(replica = 'web-0') {
      const transport = await connection(replica)
      const rpc = { transport, deploymentId: DEPLOYMENT, replica, fingerprint: BUILD, log: silent }
      const routing = startRouting(rpc)
      const calls = new RpcClient(rpc).invoker(
        { component: Cache.name, methods: CACHE_METHODS, notRetriable: new Set(['get']), timeoutMs: {}, route: routing.routeTo(Cache) },
        'shop/Web',
      )
      await transport.flush()
      return {
        routing,
        get: (key) => calls.call(0, [key]) as Promise<string>,
        any: (key) => calls.call(1, [key]) as Promise<string>,
        list: (key) => calls.stream(2, [key]) as AsyncIterable<string>,
        async knows(...replicas) {
          for (;;) {
            const [known] = routing.status.assignments
            if (known !== undefined && known.replicas.join() === replicas.join()) return known
            await sleep(5)
          }
        },
      }
    },
    async close() {
      for (const controller of controllers.splice(0)) controller.close()
      await stations.close()
    },
  }
}
