import { freePort } from '@weaver/deployer'
import { startNatsServer } from './nats-server.js'
import { untilGone } from './until-gone.js'

export interface TestBroker {
  readonly url: string
  /**
   * @returns the connections that were open still, each in words; of a broker that is not ours
   * nothing is known
   */
  stop(): Promise<readonly string[]>
}

/** What the broker says of its connections. */
interface Connz {
  readonly connections: readonly { readonly name?: string; readonly subscriptions: number }[]
}

/** The broker at a URL; without one a `nats-server` of this test alone. */
export async function startTestBroker(url: string | undefined): Promise<TestBroker> {
  if (url !== undefined) return { url, stop: async () => [] }
  const monitoring = await freePort()
  const server = await startNatsServer({ args: ['-m', String(monitoring)] })
  const connections = async (): Promise<readonly string[]> => {
    const answer = (await (await fetch(`http://127.0.0.1:${monitoring}/connz`)).json()) as Connz
    return answer.connections.map(
      ({ name = 'without a name', subscriptions }) =>
        `the connection "${name}" to the broker is still open, with ${subscriptions} subscriptions`,
    )
  }
  return {
    url: server.url,
    async stop() {
      const open = await untilGone(connections)
      await server.stop('SIGTERM')
      return open
    },
  }
}
