/**
 * TLS to a real nats-server: what is demanded is checked, and nothing is said in plain text by
 * mistake.
 */
import { jest } from '@jest/globals'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createConnection, createServer, type Socket } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseBootstrap, type NatsTls } from '../../contract/bootstrap.js'
import { makeCertificates, type Certificates } from '../../testing/make-certificates.js'
import { startNatsServer, type NatsServer } from '@weaver/testing'
import { createLogger } from '../../telemetry/logger.js'
import { connectNats } from './connect-nats.js'
import type { Transport } from './transport.js'

let folder: string
let right: Certificates
/** Of another authority. */
let wrong: Certificates
const open: { close(): Promise<void> }[] = []

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'weaver-tls-'))
  const make = (name: string, host: string): Certificates => {
    mkdirSync(join(folder, name))
    return makeCertificates(join(folder, name), host)
  }
  right = make('right', 'localhost')
  wrong = make('wrong', 'localhost')
})
afterAll(() => rmSync(folder, { recursive: true }))
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
})

async function broker(args: readonly string[] = []): Promise<NatsServer> {
  const server = await startNatsServer({ args })
  open.push({ close: () => server.stop() })
  return server
}
const withTls = (): string[] => ['--tls', '--tlscert', right.certFile, '--tlskey', right.keyFile]

async function dial(port: number, tls?: NatsTls, scheme = 'tls'): Promise<Transport> {
  const transport = await connectNats({
    servers: [`${scheme}://localhost:${port}`],
    tls,
    name: 'test',
    inboxPrefix: '_INBOX.test',
    connectTimeoutMs: 500,
    log: createLogger({ level: 'error', write: () => undefined }),
  })
  open.push(transport)
  return transport
}

/** Sends itself a message. */
async function echo(transport: Transport): Promise<string> {
  const arrived = new Promise<string>((resolve) => transport.subscribe('echo', ({ data }) => resolve(Buffer.from(data).toString())))
  await transport.flush()
  transport.publish('echo', Buffer.from('a plain secret'))
  return arrived
}

/** Stands before a broker and keeps all bytes that pass. */
async function listenIn(port: number): Promise<{ readonly port: number; readonly bytes: () => string }> {
  let bytes = ''
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const behind = createConnection(port, '127.0.0.1')
    for (const [from, to] of [[client, behind], [behind, client]] as const) {
      sockets.add(from)
      from.on('data', (chunk: Buffer) => (bytes += chunk.toString('latin1'))).on('error', () => to.destroy()).pipe(to)
    }
  }).listen(0) // prettier-ignore
  await once(server, 'listening')
  open.push({
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  })
  return { port: (server.address() as { readonly port: number }).port, bytes: () => bytes }
}

jest.setTimeout(60_000) // a refused connection is tried for a second, or until the library gives up waiting

describe('TLS to the broker', () => {
  it('encrypts everything after the greeting of the broker', async () => {
    const { port } = await broker(withTls())
    const line = await listenIn(port)
    expect(await echo(await dial(line.port, { caFile: right.caFile }))).toBe('a plain secret')
    expect(line.bytes()).toContain('INFO ')
    expect(line.bytes()).not.toContain('CONNECT')
    expect(line.bytes()).not.toContain('secret')

    const plain = await broker()
    const open_ = await listenIn(plain.port)
    await echo(await dial(open_.port, undefined, 'nats'))
    expect(open_.bytes()).toContain('a plain secret') // the ear hears what there is to hear
  })

  it('shows the certificate of the process to a broker that wants one', async () => {
    const { port } = await broker([...withTls(), '--tlsverify', '--tlscacert', right.caFile])
    const { caFile, certFile, keyFile } = right
    expect(await echo(await dial(port, { caFile, certFile, keyFile }))).toBe('a plain secret')
    await expect(dial(port, { caFile })).rejects.toMatchObject({ code: 'WEAVER_NATS_CONNECT' })
    await expect(dial(port, { ...wrong, caFile })).rejects.toThrow(`that it accepts ${wrong.certFile}`)
  })

  it('refuses a certificate of an authority that it does not know, and of another host', async () => {
    const { port } = await broker(withTls())
    await expect(dial(port, { caFile: wrong.caFile })).rejects.toThrow(wrong.caFile)
    await expect(dial(port)).rejects.toThrow('no caFile is given')
    const other = join(folder, 'other')
    mkdirSync(other)
    const { caFile, certFile, keyFile } = makeCertificates(other, 'broker.example')
    const elsewhere = await broker(['--tls', '--tlscert', certFile, '--tlskey', keyFile])
    await expect(dial(elsewhere.port, { caFile })).rejects.toThrow('for this host name')
  })

  it('does not fall back to plain text where the broker has no TLS', async () => {
    const { port } = await broker()
    const line = await listenIn(port)
    await expect(dial(line.port)).rejects.toMatchObject({ code: 'WEAVER_NATS_CONNECT' })
    await expect(dial(line.port, { caFile: right.caFile }, 'nats')).rejects.toMatchObject({ code: 'WEAVER_NATS_CONNECT' })
    expect(line.bytes()).not.toContain('CONNECT')
  })

  it('says which file cannot be read', async () => {
    const { port } = await broker(withTls())
    await expect(dial(port, { caFile: '/not/there.pem' })).rejects.toThrow('/not/there.pem')
  })
})

it('a password in the URL of the broker is told to nobody', async () => {
  const told: unknown[] = []
  const error: unknown = await connectNats({
    servers: ['nats://user:hunter2@127.0.0.1:1', 'user:hunter2@127.0.0.1:1'],
    name: 'test',
    inboxPrefix: '_INBOX.test',
    connectTimeoutMs: 300,
    log: createLogger({ level: 'debug', write: (_level, message, fields) => void told.push(message, fields) }),
  }).catch((failed: unknown) => failed)
  expect(error).toMatchObject({ code: 'WEAVER_NATS_CONNECT', message: expect.stringContaining('nats://***@127.0.0.1:1, ***@127.0.0.1:1') })
  expect(told).toContain('waiting for NATS')
  expect(JSON.stringify([told, String(error)])).not.toContain('hunter2')
})

describe('nats.tls of a bootstrap', () => {
  const base = {
    version: 1,
    app: 'a',
    deploymentId: 'd',
    versionId: 'v',
    group: 'g',
    replica: 'r',
    components: [],
    listeners: {},
    config: {},
  }
  const text = (tls: unknown): string => JSON.stringify({ ...base, nats: { servers: ['tls://nats:4222'], tls } })

  it('is read', () => {
    for (const tls of [{}, { caFile: '/ca.pem' }, { certFile: '/c.pem', keyFile: '/k.pem' }])
      expect(parseBootstrap(text(tls)).nats?.tls).toEqual(tls)
  })

  it.each([
    [true, 'nats.tls: must be an object'],
    [{ caFile: 1 }, 'nats.tls.caFile: must be a path'],
    [{ certFile: '/c.pem' }, 'certFile and keyFile; they go together'],
  ])('%j is refused', (tls, message) => {
    expect(() => parseBootstrap(text(tls))).toThrow(message)
  })
})
