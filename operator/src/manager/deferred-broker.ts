import { operatorError } from '../errors/catalogue.js'
import type { Broker } from '../broker/broker.js'

/**
 * A broker that may not be up yet. The rest of the operator must not wait for it: proxies have to
 * be programmed, and users need to see what is missing. Until the connection is up, what needs it
 * fails with `WEAVER_BROKER_NOT_CONNECTED` and is retried.
 */
export function createDeferredBroker(
  known: Pick<Broker, 'isolation' | 'servers'>,
  connect: () => Promise<Broker>,
  onError: (error: unknown) => void,
): Broker {
  let broker: Broker | undefined
  let isClosed = false
  const waiting: ((broker: Broker) => void)[] = []
  const connecting = connect().then(async (connected) => {
    if (isClosed) return connected.close()
    broker = connected
    for (const tell of waiting) tell(connected)
  }, onError)
  const now = async (): Promise<Broker> => {
    if (broker !== undefined) return broker
    throw operatorError(
      'WEAVER_BROKER_NOT_CONNECTED',
      `no connection to the broker at ${known.servers.join(', ')} yet; check that it runs and that WEAVER_NATS_SERVERS names it`,
    )
  }
  return {
    isolation: known.isolation,
    servers: known.servers,
    ensureVersion: async (version, signal) => (await now()).ensureVersion(version, signal),
    groupCredentials: async (identity, group) => (await now()).groupCredentials(identity, group),
    removeVersion: async (identity, signal) => (await now()).removeVersion(identity, signal),
    weavelets: async (identity, options) => (await now()).weavelets(identity, options),
    metrics: async (identity, options) => (await now()).metrics(identity, options),
    connectTo: async (identity) => (await now()).connectTo(identity),
    onReconnect(versions) {
      if (broker === undefined) waiting.push((b) => b.onReconnect(versions))
      else broker.onReconnect(versions)
    },
    async close() {
      isClosed = true
      // A broker that is still connecting ends with the process; it has no state.
      if (broker === undefined) return void connecting
      await broker.close()
    },
  }
}
