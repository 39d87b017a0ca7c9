/**
 * For tests of calls: replicas and callers of one deployment in this process, each with its own
 * connection to a real nats-server. Their component has one binding, written by hand: methods that
 * take strings and return one.
 */
import type { MoveLimits } from '../rpc/transport/broker-move.js'
import { connectNats } from '../rpc/transport/connect-nats.js'
import type { RemoteCallError } from '../errors/remote-call-error.js'
import { RpcClient, type RpcClientOptions } from '../rpc/client/rpc-client.js'
import { RpcServer } from '../rpc/server/rpc-server.js'
import type { Transport } from '../rpc/transport/transport.js'
import type { Logger } from '../telemetry/logger.js'
import { startCable, type Cable } from './cable.js'
import { BUILD, COMPONENT, DEPLOYMENT, METHODS } from './hand-made-bindings.js'
import { startNatsServer, type NatsServer } from '@weaver/testing'

export { BUILD, COMPONENT, DEPLOYMENT, METHODS } from './hand-made-bindings.js'

/**
 * What takes a second on an idle machine takes less than this on a busy one. Far below the 30 s
 * after which a call ends that was missed.
 */
export const PROMPT_MS = 8_000

export type Methods = Readonly<Record<string, (...args: string[]) => Promise<string | undefined>>>
export type Call = (method: string, ...args: string[]) => Promise<unknown>

export const CART: Methods = {
  echo: async (text) => text,
  join: async (...parts) => parts.join('+'),
  nothing: async () => undefined,
}

export interface Stations {
  nats: NatsServer
  /** All logged messages. */
  readonly logged: readonly string[]
  /** Logs, like everything here. */
  note(message: string): void
  startReplica(
    instance: Methods,
    options?: {
      readonly replica?: string
      readonly component?: string
      readonly maxConcurrent?: number
      readonly maxMessageBytes?: number
      readonly url?: string
      readonly move?: MoveLimits
    },
  ): Promise<{ readonly server: RpcServer; readonly transport: Transport }>
  /** A caller of one component, with time limits by method. */
  startCaller(
    timeoutMs?: Readonly<Record<string, number>>,
    options?: {
      readonly replica?: string
      readonly component?: string
      readonly fingerprint?: string
      readonly caller?: string
      /** URL of the broker, or of a cable to it. */
      readonly url?: string
      readonly move?: MoveLimits
    },
  ): Promise<{ readonly call: Call; readonly client: RpcClient; readonly transport: Transport }>
  /** A cable to the broker; it is closed with the stations. */
  startCable(): Promise<Cable>
  /** Runs when the stations are closed, before the broker stops. */
  onClose(close: () => Promise<void>): void
  close(): Promise<void>
}

export async function startStations(): Promise<Stations> {
  const logged: string[] = []
  const closing: (() => Promise<void>)[] = []
  const note = (message: string): void => void logged.push(message)
  const log: Logger = { debug: note, info: note, warn: note, error: note, with: () => log }
  const connection = async (
    replica: string,
    { url = stations.nats.url, move }: { readonly url?: string | undefined; readonly move?: MoveLimits | undefined },
  ): Promise<RpcClientOptions> => {
    const transport = await connectNats({ servers: [url], name: replica, inboxPrefix: `wv.${DEPLOYMENT}.i.${replica}`, log, move })
    closing.push(() => transport.close())
    return { transport, deploymentId: DEPLOYMENT, replica, fingerprint: BUILD, log }
  }
  const stations: Stations = {
    nats: await startNatsServer(),
    logged,
    note,
    async startReplica(instance, { replica = 'cart-0', component = COMPONENT, maxConcurrent, maxMessageBytes, url, move } = {}) {
      const options = await connection(replica, { url, move })
      const server = new RpcServer({ ...options, maxConcurrent, maxMessageBytes })
      server.serve({ name: component, methods: METHODS, instance })
      await options.transport.flush()
      return { server, transport: options.transport }
    },
    async startCaller(
      timeoutMs = {},
      { replica = 'web-0', component = COMPONENT, fingerprint = BUILD, caller = 'shop/Web', url, move } = {},
    ) {
      const options = await connection(replica, { url, move })
      const client = new RpcClient({ ...options, fingerprint })
      const calls = client.invoker({ component, methods: METHODS, notRetriable: new Set(['append']), timeoutMs }, caller)
      const call: Call = (method, ...args) =>
        calls.call(
          METHODS.findIndex(({ name }) => name === method),
          args,
        )
      return { call, client, transport: options.transport }
    },
    async startCable() {
      const cable = await startCable(stations.nats.port)
      closing.push(() => cable.close())
      return cable
    },
    onClose: (close) => void closing.push(close),
    async close() {
      await Promise.all(closing.splice(0).map((close) => close()))
      await stations.nats.stop()
    },
  }
  return stations
}

/** The error of a call that is expected to fail; any value may be thrown. */
export async function failureOf(call: Promise<unknown>): Promise<RemoteCallError> {
  const result = await call.then(
    (value) => ({ value }),
    (error: unknown) => ({ error: error as RemoteCallError }), // most are; each test states what it expects
  )
  if ('value' in result) throw new Error(`the call was expected to fail and gave ${JSON.stringify(result.value)}`)
  return result.error
}

/** How long it takes to settle, in milliseconds. */
export async function msOf(work: Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work.catch(() => undefined)
  return performance.now() - start
}

/** A promise and what settles it. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open: () => open() }
}
