/**
 * Credentials that change or are gone while a process runs, with a real nats-server that asks for
 * them.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { nkeys } from '@nats-io/transport-node'
import { createLogger } from '../../telemetry/logger.js'
import { startNatsServer, type NatsServer } from '@weaver/testing'
import { connectNats } from './connect-nats.js'
import type { Transport } from './transport.js'

let folder: string
let credsFile: string
let nats: NatsServer
let transport: Transport | undefined
let logged: (readonly [message: string, fields: unknown])[]

/** A user whom the broker knows by his key. @returns his creds file */
function newUser(): { readonly publicKey: string; readonly creds: string } {
  const user = nkeys.createUser()
  const block = (what: string, content: string): string => `-----BEGIN ${what}-----\n${content}\n------END ${what}------\n\n`
  const seed = new TextDecoder().decode(user.getSeed())
  return { publicKey: user.getPublicKey(), creds: block('NATS USER JWT', 'unused') + block('USER NKEY SEED', seed) }
}

const user = newUser()
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weaver-creds-'))
  credsFile = join(folder, 'user.creds')
  // A client that gives no credentials is let in as a guest: a process that cannot read its own
  // must not become that one.
  const guest = 'no_auth_user: guest'
  const users = `authorization { users: [{ nkey: ${user.publicKey} }, { user: guest, password: guest, permissions: { publish: "none" } }] }`
  writeFileSync(join(folder, 'nats.conf'), `${users}\n${guest}\n`)
  nats = await startNatsServer({ args: ['-c', join(folder, 'nats.conf')] })
  logged = []
})
afterEach(async () => {
  await transport?.close()
  transport = undefined
  await nats.stop()
  rmSync(folder, { recursive: true })
})

async function dial(connectTimeoutMs = 60_000): Promise<Transport> {
  const log = createLogger({ level: 'debug', write: (_level, message, fields) => void logged.push([message, fields]) })
  transport = await connectNats({ servers: [nats.url], credsFile, name: 'test', inboxPrefix: '_INBOX.test', connectTimeoutMs, log })
  return transport
}

async function restart(): Promise<void> {
  await nats.stop()
  nats = await startNatsServer({ port: nats.port, args: ['-c', join(folder, 'nats.conf')] })
}

/** Sends itself a message, when it is connected again. */
async function echo(over: Transport): Promise<string> {
  while (!over.isConnected) await sleep(5)
  const arrived = new Promise<string>((resolve) => over.subscribe('echo', ({ data }) => resolve(Buffer.from(data).toString())))
  await over.flush()
  over.publish('echo', Buffer.from('hello'))
  return arrived
}

const REFUSED = 'the broker refuses the connection; trying again'
const ABSENT = undefined
it.each([
  ['is gone', ABSENT, /^ENOENT/],
  ['is written to at this moment', user.creds.slice(0, 60), /^unable to parse credentials: a creds file has a JWT and a seed/],
  ['holds no key', user.creds.replace(/\nSU\w+/, '\nSUAAAA'), /./],
])('a process whose creds file %s when the broker comes back tries again until it can be read', async (_, content, reason) => {
  writeFileSync(credsFile, user.creds)
  const over = await dial()
  if (content === ABSENT) rmSync(credsFile)
  else writeFileSync(credsFile, content)
  await restart()
  while (!logged.some(([message]) => message === REFUSED)) await sleep(5)
  await sleep(300) // some more attempts, which are not logged
  expect(over.isConnected).toBe(false)
  writeFileSync(credsFile, user.creds)
  expect(await echo(over)).toBe('hello')
  const unreadable = logged.filter(([message]) => message === 'the credentials for the broker cannot be read; trying again')
  expect(unreadable).toHaveLength(1)
  expect(unreadable[0]?.[1]).toMatchObject({ credsFile, err: { message: expect.stringMatching(reason) } })
  expect(logged.filter(([message]) => message === REFUSED)).toHaveLength(1)
})

it('a process that the broker refuses when it comes back tries again until it is known', async () => {
  writeFileSync(credsFile, user.creds)
  const over = await dial()
  writeFileSync(credsFile, newUser().creds)
  await restart()
  while (!logged.some(([message]) => message === REFUSED)) await sleep(5)
  await sleep(300) // some more attempts, which are not logged
  expect(over.isConnected).toBe(false)
  writeFileSync(credsFile, user.creds)
  expect(await echo(over)).toBe('hello')
  const refused = logged.filter(([message]) => message === REFUSED)
  expect(refused).toEqual([[expect.anything(), { reason: 'Authorization Violation', credsFile }]])
})

it('a process that starts without its creds file says so', async () => {
  await expect(dial(300)).rejects.toMatchObject({ code: 'WEAVER_NATS_CONNECT', message: expect.stringContaining('ENOENT') as unknown })
})

describe('a subscription that the broker does not allow', () => {
  const claims = Buffer.from(JSON.stringify({ name: 'shop-blue-web' })).toString('base64url')
  const config = (allowed: string): string =>
    `authorization { users: [{ nkey: ${user.publicKey}, permissions: { subscribe: { allow: [${allowed}] } } }] }`
  const ERROR = {
    code: 'WEAVER_NATS_FORBIDDEN',
    message: expect.stringContaining(`does not let user "shop-blue-web" of`) as unknown,
    details: { subject: 'orders.*' },
  }

  it('ends the use of the connection with an error that names subject and user', async () => {
    writeFileSync(credsFile, user.creds.replace('unused', `head.${claims}.signature`))
    writeFileSync(join(folder, 'nats.conf'), config('echo'))
    await restart()
    const over = await dial()
    expect(await echo(over)).toBe('hello')
    over.subscribe('orders.*', () => undefined, { queue: 'all' })
    expect(await over.lost).toMatchObject(ERROR)
    expect(logged.filter(([message]) => message !== 'waiting for NATS')).toEqual([]) // whoever waits for it tells
  })

  it('ends it also when the permission is taken away while the broker is restarted', async () => {
    writeFileSync(credsFile, user.creds.replace('unused', `head.${claims}.signature`))
    writeFileSync(join(folder, 'nats.conf'), config('echo, "orders.*"'))
    await restart()
    const over = await dial()
    over.subscribe('orders.*', () => undefined)
    expect(await echo(over)).toBe('hello')
    writeFileSync(join(folder, 'nats.conf'), config('echo'))
    await restart()
    expect(await over.lost).toMatchObject(ERROR)
  })
})

describe('a user in the URL of the broker', () => {
  async function dialAs(
    userInfo: string,
    servers: (port: number) => readonly string[] = (port) => [`nats://${userInfo}@127.0.0.1:${port}`],
  ) {
    const log = createLogger({ level: 'error', write: () => undefined })
    transport = await connectNats({ servers: servers(nats.port), name: 'test', inboxPrefix: '_INBOX.test', connectTimeoutMs: 300, log })
    return transport
  }
  async function brokerWith(...args: readonly string[]): Promise<void> {
    await nats.stop()
    nats = await startNatsServer({ args })
  }

  it('connects, with what is escaped in it', async () => {
    await brokerWith('--user', 'shop', '--pass', 'a/b@c:d')
    expect(await echo(await dialAs(`shop:${encodeURIComponent('a/b@c:d')}`))).toBe('hello')
  })

  it('may be a token', async () => {
    await brokerWith('--auth', 'hunter2')
    expect(await echo(await dialAs('hunter2'))).toBe('hello')
  })

  it('that the broker does not know is named as the reason', async () => {
    await brokerWith('--user', 'shop', '--pass', 'right')
    await expect(dialAs('shop:wrong')).rejects.toThrow('that it knows the user in its URL')
  })

  it('is refused where another URL names another one, or there are credentials too', async () => {
    const two = dialAs('', (port) => [`nats://a:x@127.0.0.1:${port}`, `nats://b:x@127.0.0.1:${port}`])
    await expect(two).rejects.toMatchObject({
      code: 'WEAVER_NATS_CONNECT',
      message: expect.stringContaining('give all of them the same') as unknown,
    })
    const log = createLogger({ level: 'error', write: () => undefined })
    const both = connectNats({ servers: [`nats://a:x@127.0.0.1:${nats.port}`], credsFile, name: 'test', inboxPrefix: 'i', log })
    await expect(both).rejects.toThrow('give one of the two')
  })
})

it('a process that the broker does not know ends with the reason, the file and what to look at', async () => {
  writeFileSync(credsFile, newUser().creds)
  const error = (await dial(5_000).catch((e: unknown) => e)) as Error & { readonly code?: string }
  expect(error.code).toBe('WEAVER_NATS_REFUSED')
  expect(error.message).toContain(`the credentials in ${credsFile}: is their account known to these servers`)
  expect(error.message).toMatch(/^NATS at nats:\S+ has refused this process for \d+ s: .*Authorization Violation/)
  expect(logged.map(([message]) => message)).toContain('waiting for NATS')
})

// A line of 4,096 bytes: whether a JWT fits is told by the server, and what does not fit by us.
// Close to the edge the two may differ by what the library puts around it.
it.each([
  [3_600, true],
  [4_200, false],
  [60_000, false],
])(
  'credentials with a JWT of %i bytes: the connection stands (%s), or ends at once with both sizes and the remedy',
  async (bytes, fits) => {
    writeFileSync(credsFile, user.creds.replace('unused', 'x'.repeat(bytes)))
    const started = Date.now()
    if (fits) return expect(await echo(await dial(30_000))).toBe('hello')
    const error = (await dial(60_000).catch((e: unknown) => e)) as Error & { readonly code?: string }
    expect(error.code).toBe('WEAVER_NATS_REFUSED')
    expect(error.message).toContain(credsFile)
    expect(error.message).toMatch(new RegExp(`about ${bytes + 334} bytes, .* more than 4096\\. .*scoped signing key.*max_control_line`))
    expect(Date.now() - started).toBeLessThan(40_000)
  },
)
