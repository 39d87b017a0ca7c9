// The replicas of main.ts: each says that it lives as a weavelet does; they share ten connections.
import { once } from 'node:events'
import { connectNats, Presence } from '@weaver/sdk/internal'
import { DEPLOYMENT, SILENT } from './setting.js'

const [url = '', count = '0'] = process.argv.slice(2)
const transports = await Promise.all(
  Array.from({ length: 10 }, (_, i) =>
    connectNats({ servers: [url], name: `replicas-${i}`, inboxPrefix: `wv.${DEPLOYMENT}.i.r${i}`, log: SILENT }),
  ),
)
const [first] = transports
if (first === undefined) throw new Error('no connection')
await once(process, 'message')
for (let i = 0; i < Number(count); i++)
  new Presence({
    transport: transports[i % transports.length] ?? first,
    deploymentId: DEPLOYMENT,
    replica: `cache-6f7c9d8b5-${i.toString(36).padStart(5, '0')}`,
    components: ['shop/Cache'],
    log: SILENT,
  }).join()
process.send?.('joined')
setInterval(() => undefined, 60_000) // heartbeats do not keep a process alive
