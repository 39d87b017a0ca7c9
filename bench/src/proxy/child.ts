/**
 * A proxy in a process of its own: `child.js weaver|http-proxy-3 PORT PORT`, 90 % to the first, 10
 * % to the second. Prints its port.
 */
import { Agent, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { startProxy } from '@weaver/proxy'
import { createProxyServer } from 'http-proxy-3'

const [, , kind, first = '', second = ''] = process.argv

if (kind === 'weaver') {
  const target = (id: string, weight: number, port: string) => ({ id, weight, backends: [{ id, host: '127.0.0.1', port: Number(port) }] })
  const { port } = await startProxy({
    host: '127.0.0.1',
    port: 0,
    routes: [{ targets: [target('v1', 90, first), target('v2', 10, second)] }],
  })
  process.stdout.write(`${port}\n`)
} else {
  const proxy = createProxyServer({ agent: new Agent({ keepAlive: true, maxSockets: 64 }), xfwd: true })
  let turn = 0
  const server = createServer((req, res) => proxy.web(req, res, { target: `http://127.0.0.1:${turn++ % 10 === 9 ? second : first}` }))
  server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`)) // it listens on TCP
}
