/**
 * For tests of streams: a caller and replicas, each with its own connection to the real nats-server
 * of `Stations`, and a component with streaming methods.
 */
import type { MoveLimits } from '../rpc/transport/broker-move.js'
import { connectNats } from '../rpc/transport/connect-nats.js'
import { RpcClient } from '../rpc/client/rpc-client.js'
import { RpcServer } from '../rpc/server/rpc-server.js'
import type { Transport } from '../rpc/transport/transport.js'
import type { Logger } from '../telemetry/logger.js'
import type { Tracing } from '../telemetry/tracing/tracing.js'
import { BUILD, DEPLOYMENT, FEED, FEED_COMPONENT } from './hand-made-bindings.js'
import type { Stations } from './rpc-stations.js'

export { FEED, FEED_COMPONENT } from './hand-made-bindings.js'

export interface Feed {
  /** Numbers from 0 on, by default without an end. */
  count(to: number): AsyncIterable<number>
  /** Sums the incoming numbers. */
  sum(numbers: AsyncIterable<number>): Promise<number>
  /** Answers each number with its double. */
  double(numbers: AsyncIterable<number>): AsyncIterable<number>
  /** Strings of this length. */
  texts(length: number): AsyncIterable<string>
  /** The text in pieces of 100,000 characters. */
  cut(text: string): AsyncIterable<string>
  /** Length of the text, plus the sum of the incoming numbers. */
  add(text: string, numbers: AsyncIterable<number>): Promise<number>
}

export interface FeedStations {
  replica(
    feed: Partial<Feed>,
    options?: {
      readonly name?: string
      readonly url?: string
      readonly move?: MoveLimits
      readonly maxConcurrent?: number
      readonly maxMessageBytes?: number
    },
  ): Promise<{ readonly server: RpcServer; readonly transport: Transport }>
  caller(
    timeoutMs?: Readonly<Record<string, number>>,
    options?: { readonly url?: string; readonly move?: MoveLimits },
  ): Promise<{ readonly feed: Feed; readonly client: RpcClient; readonly transport: Transport }>
}

export function feedStations(stations: Stations, given: { readonly tracing?: Tracing | undefined } = {}): FeedStations {
  const note = (message: string): void => stations.note(message)
  const log: Logger = { debug: note, info: note, warn: note, error: note, with: () => log }
  const connection = async (replica: string, url: string, move: MoveLimits | undefined) => {
    const transport = await connectNats({ servers: [url], name: replica, inboxPrefix: `wv.${DEPLOYMENT}.i.${replica}`, log, move })
    stations.onClose(() => transport.close())
    return { transport, deploymentId: DEPLOYMENT, replica, fingerprint: BUILD, log, ...given }
  }
  return {
    async replica(feed, { name = 'feed-0', url = stations.nats.url, move, ...limits } = {}) {
      const options = await connection(name, url, move)
      const server = new RpcServer({ ...options, ...limits })
      server.serve({ name: FEED_COMPONENT, methods: FEED, instance: feed })
      await options.transport.flush()
      return { server, transport: options.transport }
    },
    async caller(timeoutMs = {}, { url = stations.nats.url, move } = {}) {
      const options = await connection('web-0', url, move)
      const client = new RpcClient(options)
      const target = { component: FEED_COMPONENT, methods: FEED, notRetriable: new Set<string>(), timeoutMs }
      const calls = client.invoker(target, 'news/Web')
      const feed: Feed = {
        count: (to) => calls.stream(0, [to]) as AsyncIterable<number>, // like the generated stub, whose decoder returns numbers
        sum: (items) => calls.call(1, [items]) as Promise<number>,
        double: (items) => calls.stream(2, [items]) as AsyncIterable<number>,
        texts: (length) => calls.stream(3, [length]) as AsyncIterable<string>,
        cut: (text) => calls.stream(4, [text]) as AsyncIterable<string>,
        add: (text, items) => calls.call(5, [text, items]) as Promise<number>,
      }
      return { feed, client, transport: options.transport }
    },
  }
}
