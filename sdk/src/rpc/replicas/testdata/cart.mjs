// A replica of shop/Cart and news/Feed as a process, to be killed and frozen: cart.mjs URL REPLICA. Says "ready" when it serves.
import { setTimeout as sleep } from 'node:timers/promises'
import { connectNats } from '../../../../dist/rpc/transport/connect-nats.js'
import { RpcServer } from '../../../../dist/rpc/server/rpc-server.js'
import { BUILD, COMPONENT, DEPLOYMENT, FEED, FEED_COMPONENT, METHODS } from '../../../testing/hand-made-bindings.ts'

const [, , url, replica] = process.argv
const log = { debug: () => undefined, info: () => undefined, warn: console.error, error: console.error, with: () => log }
const transport = await connectNats({ servers: [url], name: replica, inboxPrefix: `wv.${DEPLOYMENT}.i.${replica}`, log })
const takeTime = async (ms) => {
  await sleep(Number(ms))
  return replica
}
const instance = {
  work: takeTime,
  append: takeTime,
  /** Keeps the processor for so many milliseconds. */
  async join(ms) {
    const until = performance.now() + Number(ms)
    while (performance.now() < until);
    return replica
  },
}
const feed = {
  async *count(to) {
    for (let i = 0; i < to; i++) yield i
  },
}
const server = new RpcServer({ transport, deploymentId: DEPLOYMENT, replica, fingerprint: BUILD, log })
server.serve({ name: FEED_COMPONENT, methods: FEED, instance: feed })
server.serve({ name: COMPONENT, methods: METHODS, instance })
await transport.flush()
console.log('ready')
