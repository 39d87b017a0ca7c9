// What a command leaves open keeps its process alive after the work is done.
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHttpClient } from '../http/http-client.js'
import { findEngine } from './container-engine.js'
import { RegistryClient } from './registry-client.js'

const open = (kind: string): number => process.getActiveResourcesInfo().filter((one) => one === kind).length

describe('findEngine', () => {
  it('leaves no timer behind when no engine is installed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'weaver-empty-'))
    try {
      const before = open('Timeout')
      expect(await findEngine({ PATH: folder })).toBeUndefined()
      expect(open('Timeout')).toBe(before)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

describe('RegistryClient', () => {
  // A registry that says much to a write, which the real one does not: each answer left unread
  // would hold a connection.
  it('reads what is said to a write, so that its connection is free again', async () => {
    const talkative = createServer((request, response) => {
      request.resume().on('end', () => response.writeHead(201).end('x'.repeat(1_000_000)))
    }).listen(0, '127.0.0.1')
    await once(talkative, 'listening')
    const { port } = talkative.address() as AddressInfo // a TCP server that listens has one
    let connections = 0
    talkative.on('connection', () => connections++)
    try {
      const client = new RegistryClient({ http: createHttpClient({}), credentials: async () => ({ problems: [] }) })
      const target = { registry: `127.0.0.1:${port}`, repository: 'few/connections', tag: '1' }
      for (let i = 0; i < 10; i++) await client.putManifest(target, { body: Buffer.from('{}'), mediaType: 'application/json' })
      expect(connections).toBeLessThanOrEqual(2)
    } finally {
      talkative.closeAllConnections()
      talkative.close()
    }
  })
})
