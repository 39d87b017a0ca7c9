import type { Broker } from './broker.js'
import { connectBroker } from './nats-connection.js'
import { WeaveletAsker } from './weavelet-asker.js'

/**
 * A broker of the user's own without operator mode: all versions share one identity. Their subjects
 * contain the deployment's id, but a version could use those of another; status reports that
 * (`Isolated=False`).
 */
export function createSharedAccountBroker(options: { readonly servers: readonly string[]; readonly creds: string | undefined }): Broker {
  const asker = new WeaveletAsker(options.servers, async () => options.creds)
  return {
    isolation: 'shared-account',
    servers: options.servers,
    ensureVersion: async () => undefined,
    groupCredentials: async () => options.creds ?? '',
    removeVersion: (identity) => asker.forget(identity),
    weavelets: (identity, ask) => asker.ask(identity, ask),
    metrics: (identity, question) => asker.metrics(identity, question),
    connectTo: () => connectBroker({ ...options, name: 'weaver-operator control', keepsTrying: false }),
    onReconnect: () => undefined,
    close: () => asker.close(),
  }
}
