import { setTimeout as sleep } from 'node:timers/promises'
import { freePort, startNatsServer } from './nats-server.js'

export interface TestBroker {
  readonly url: string
  /** @returns how many connections were open still; `undefined` for a broker that is not ours */
  stop(): Promise<number | undefined>
}

/** How long a connection may take to be seen closed by the broker. */
const CLOSE_MS = 1_000

/** The broker at a URL; without one a `nats-server` of this test alone. */
export async function startTestBroker(url: string | undefined): Promise<TestBroker> {
  if (url !== undefined) return { url, stop: async () => undefined }
  const monitoring = await freePort()
  const server = await startNatsServer({ args: ['-m', String(monitoring)] })
  const connections = async (): Promise<number> => {
    const answer = (await (await fetch(`http://127.0.0.1:${monitoring}/varz`)).json()) as { readonly connections: number }
    return answer.connections
  }
  return {
    url: server.url,
    async stop() {
      const until = Date.now() + CLOSE_MS
      let open = await connections()
      while (open > 0 && Date.now() < until) {
        await sleep(20)
        open = await connections()
      }
      await server.stop('SIGTERM')
      return open
    },
  }
}
