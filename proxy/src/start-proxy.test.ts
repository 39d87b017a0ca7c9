/** The proxy as a deployer uses it, before real HTTP servers. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Backend } from './proxy.js'
import { startProxy } from './start-proxy.js'

const servers: Server[] = []
async function backend(id: string): Promise<Backend> {
  const server = createServer((req, res) => {
    if (req.url === '/headers') res.end(JSON.stringify(req.headers))
    else res.end(id)
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { id, host: '127.0.0.1', port: (server.address() as AddressInfo).port }
}
afterAll(() => Promise.all(servers.map((server) => new Promise((resolve) => (server.closeAllConnections(), server.close(resolve))))))

it('divides requests by weight, exactly, and passes over a target whose backends are gone', async () => {
  const [one, two] = [await backend('v1'), await backend('v2')]
  await using proxy = await startProxy({
    host: '127.0.0.1',
    port: 0,
    routes: [
      {
        targets: [
          { id: 'v1', weight: 90, backends: [one] },
          { id: 'v2', weight: 10, backends: [two] },
        ],
      },
    ],
  })
  const counts: Record<string, number> = {}
  for (let i = 0; i < 50; i++) {
    const by = await (await fetch(`http://${proxy.address}/`)).text()
    counts[by] = (counts[by] ?? 0) + 1
  }
  expect(counts).toEqual({ v1: 45, v2: 5 })

  const gone = { ...two, id: 'gone', port: 1 }
  proxy.setRoutes([
    {
      targets: [
        { id: 'v1', weight: 50, backends: [one] },
        { id: 'v2', weight: 50, backends: [gone] },
      ],
    },
  ])
  for (let i = 0; i < 10; i++) expect(await (await fetch(`http://${proxy.address}/`)).text()).toBe('v1')
  expect(proxy.stats().routes[0]?.targets.map(({ id, requests, inFlight }) => [id, requests - (id === 'v1' ? 45 : 5), inFlight])).toEqual([
    ['v1', 10, 0],
    ['v2', 1, 0],
  ])
})

it('refuses routes that contradict themselves, with all that is wrong', async () => {
  await using proxy = await startProxy({ host: '127.0.0.1', port: 0 })
  const at = (port: number): Backend => ({ id: 'a', host: '127.0.0.1', port })
  expect(() =>
    proxy.setRoutes([
      { host: 'a.example', targets: [{ id: 'v1', weight: 0.5, backends: [at(1)] }] },
      { host: 'A.example', targets: [{ id: 'v1', weight: 1, backends: [at(2)] }] },
    ]),
  ).toThrow(
    expect.objectContaining({
      code: 'WEAVER_PROXY_ROUTES',
      details: { problems: expect.arrayContaining([expect.stringContaining('at 127.0.0.1:2')]) },
    }),
  )
  expect((await fetch(`http://${proxy.address}/`)).status).toBe(503)
})
