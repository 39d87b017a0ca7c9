/**
 * The parser against others. Whatever it lets through, Node's own server (llhttp) and HAProxy must
 * understand in the same way: method, target, fields, body, and where the next request begins. What
 * it refuses is not compared: that is what it is for.
 *
 * WEAVER_FUZZ_SEED is a number, which repeats a run, or `random`; WEAVER_FUZZ_SECONDS makes it
 * longer.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, createServer, request as httpRequest, type IncomingMessage } from 'node:http'
import { createServer as createTcpServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import { someRequests, someResponse } from '../testing/messages.js'
import { Random } from '../testing/random.js'
import { count, RawClient } from '../testing/raw-client.js'
import { understoodRequests, understoodResponse, type Request, type UnderstoodRequests } from '../testing/understood.js'

const GIVEN = process.env['WEAVER_FUZZ_SEED'] ?? '1'
const SEED = GIVEN === 'random' ? Math.floor(Math.random() * 2 ** 31) : Number(GIVEN)
const SECONDS = Number(process.env['WEAVER_FUZZ_SECONDS'] ?? 3)
const HAPROXY = ['/usr/sbin/haproxy', '/usr/local/sbin/haproxy'].find((path) => existsSync(path))
const END = 'GET /end HTTP/1.1\r\nHost: end\r\nConnection: close\r\n\r\n'

/** A socket of the kind that servers and clients take, without a network. */
class Wire extends Duplex {
  constructor() {
    super({ read: () => {}, write: (_chunk, _encoding, done) => done() })
  }
  setTimeout = (): this => this
  setNoDelay = (): this => this
  setKeepAlive = (): this => this
  ref = (): this => this
  destroySoon = (): this => this.destroy()
  unref = (): this => this
}

/** Node's server, and what it has understood. */
class Recorder {
  heard: Request[] = []
  refusals: string[] = []
  #taking: Promise<unknown>[] = []
  readonly server = createServer({ keepAliveTimeout: 0 }, (req, res) => void this.#taking.push(this.#take(req).then(() => res.end())))

  constructor() {
    this.server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      this.refusals.push(error.code ?? error.message)
      socket.destroy()
    })
  }

  async understand(bytes: Buffer): Promise<void> {
    this.heard = []
    this.refusals = []
    const wire = new Wire()
    this.server.emit('connection', wire)
    wire.push(bytes)
    // The last request closes the connection. Node waits for more where it has understood something
    // else.
    const timer = setTimeout(() => wire.destroy(), 10_000)
    await new Promise((resolve) => wire.once('close', resolve))
    clearTimeout(timer)
    await Promise.allSettled(this.#taking.splice(0)) // one that broke off is seen by its body
  }

  async #take(req: IncomingMessage): Promise<void> {
    const place = this.heard.length
    const { method = '', url: target = '' } = req
    this.heard.push({ method, target, fields: pairs(req.rawHeaders), body: '', trailers: [] })
    let body = ''
    for await (const chunk of req) body += (chunk as Buffer).toString('latin1')
    this.heard[place] = { method, target, fields: pairs(req.rawHeaders), body, trailers: pairs(req.rawTrailers) }
  }
}

function pairs(raw: readonly string[]): readonly string[] {
  return raw.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${raw[i + 1] ?? ''}`] : []))
}

/** An absolute target, as others report it, in the form in which ours goes on. */
function asForwarded(target: string, method: string): string {
  const path = /^https?:\/\/[^/?]*(.*)$/i.exec(target)?.[1]
  if (path === undefined) return target
  return path === '' ? (method === 'OPTIONS' ? '*' : '/') : path.startsWith('/') ? path : `/${path}`
}

const brief = ({ method, target, body }: Request): unknown => ({ method, target: asForwarded(target, method), body })

function accepted(bytes: Buffer, { end, isOpen }: UnderstoodRequests): Buffer {
  return Buffer.concat([bytes.subarray(0, end), Buffer.from(isOpen ? END : '')])
}

function withEnd({ requests, isOpen }: UnderstoodRequests): readonly unknown[] {
  return [...requests.map(brief), ...(isOpen ? [{ method: 'GET', target: '/end', body: '' }] : [])]
}

/** `expect` alone takes longer than all the rest. */
function same(stream: string, others: unknown, ours: unknown): void {
  if (JSON.stringify(others) !== JSON.stringify(ours)) expect({ stream, seed: SEED, others }).toEqual({ stream, seed: SEED, others: ours })
}

const say = (line: string): void => void process.stderr.write(`${line} (seed ${SEED})\n`)

it('lets nothing through that Node’s server reads differently, as it came and as it goes on', async () => {
  const random = new Random(SEED)
  const node = new Recorder()
  const until = performance.now() + SECONDS * 500
  const counts = { streams: 0, refused: 0, requests: 0 }
  const reasons = new Set<string>()
  while (performance.now() < until) {
    const bytes = someRequests(random)
    const ours = understoodRequests(bytes)
    counts.streams++
    if (ours.refusal !== undefined) {
      counts.refused++
      reasons.add(ours.refusal)
    }
    if (ours.requests.length === 0) continue
    counts.requests += ours.requests.length
    const stream = `stream ${JSON.stringify(bytes.toString('latin1'))}`

    await node.understand(accepted(bytes, ours))
    const asCame = ({ fields, trailers }: Request): unknown => ({ fields, trailers })
    same(
      stream,
      { refusals: node.refusals, heard: node.heard.map(brief), fields: node.heard.slice(0, ours.requests.length).map(asCame) },
      { refusals: [], heard: withEnd(ours), fields: ours.requests.map(asCame) },
    )

    await node.understand(Buffer.from(ours.forwarded + END, 'latin1'))
    same(
      stream,
      { refusals: node.refusals, heard: node.heard.map(brief), fields: node.heard.map(({ fields }) => fields) },
      { refusals: [], heard: withEnd({ ...ours, isOpen: true }), fields: [...ours.sentFields, ['Host: end', 'Connection: close']] },
    )
  }
  say(
    `${counts.streams} streams, ${counts.refused} refused for ${reasons.size} reasons, ${counts.requests} requests let through: Node read all of them the same`,
  )
  expect(counts.requests).toBeGreaterThan(0)
})

it('takes nothing for an answer that Node’s client reads differently', async () => {
  const random = new Random(SEED)
  const until = performance.now() + SECONDS * 250
  let taken = 0
  let all = 0
  while (performance.now() < until) {
    const bytes = someResponse(random)
    const method = random.chance(0.2) ? 'HEAD' : 'GET'
    const ours = understoodResponse(bytes, method)
    all++
    if (ours === undefined) continue
    taken++
    const { end, isUntilClose, ...seen } = ours
    const stream = `answer ${JSON.stringify(bytes.toString('latin1'))} to ${method}`
    same(stream, await byNode(bytes.subarray(0, end), method, isUntilClose), { isComplete: true, ...seen })
    if (!isUntilClose) same(stream, (await byNode(bytes.subarray(0, end - 1), method, true))?.isComplete ?? false, false)
  }
  say(`${all} answers, ${taken} taken: Node read all of them the same`)
  expect(taken).toBeGreaterThan(0)
})

async function byNode(
  bytes: Buffer,
  method: string,
  isEnded: boolean,
): Promise<{ isComplete: boolean; status: number; fields: readonly string[]; body: string } | undefined> {
  const wire = new Wire()
  const answer = new Promise<IncomingMessage | undefined>((resolve) => {
    const req = httpRequest({ method, host: 'a', agent: Object.assign(new Agent(), { createConnection: () => wire }) })
    req.on('response', resolve)
    req.on('error', () => resolve(undefined))
    req.on('close', () => resolve(undefined))
    req.end()
  })
  wire.push(bytes)
  if (isEnded) wire.push(null)
  // Node waits for more where it has understood something else.
  const timer = setTimeout(() => wire.destroy(), 10_000)
  const res = await answer
  let body = ''
  try {
    for await (const chunk of res ?? []) body += (chunk as Buffer).toString('latin1')
  } catch (error) {
    // It broke off: `complete` says so.
    if (res?.complete !== false) throw error
  } finally {
    clearTimeout(timer)
    wire.destroy()
  }
  return res === undefined ? undefined : { isComplete: res.complete, status: res.statusCode ?? 0, fields: pairs(res.rawHeaders), body }
}

it('lets nothing through that HAProxy reads differently', async () => {
  if (HAPROXY === undefined) return say('there is no haproxy here: the parser was not compared with it')
  const node = new Recorder()
  await new Promise<void>((resolve) => node.server.listen(0, '127.0.0.1', resolve))
  const { port: backend } = node.server.address() as AddressInfo // it listens on TCP
  const folder = mkdtempSync(join(tmpdir(), 'weaver-proxy-'))
  const port = await freePort()
  writeFileSync(
    join(folder, 'haproxy.cfg'),
    `defaults\n mode http\n timeout connect 10s\n timeout client 10s\n timeout server 10s\nfrontend f\n bind 127.0.0.1:${port}\n default_backend b\nbackend b\n server s 127.0.0.1:${backend}\n`,
  )
  const haproxy = spawn(HAPROXY, ['-db', '-f', join(folder, 'haproxy.cfg')], { stdio: 'ignore' })
  try {
    await listening(port)
    const random = new Random(SEED)
    const until = performance.now() + SECONDS * 500
    const counts = { streams: 0, requests: 0, refused: 0 }
    while (performance.now() < until) {
      const bytes = someRequests(random)
      const ours = understoodRequests(bytes)
      if (ours.requests.length === 0) continue
      counts.streams++
      node.heard = []
      using client = new RawClient(port)
      const wanted = withEnd(ours)
      // One that it refuses ends the connection; what it has understood before must be the same.
      const refusal = /^HTTP\/1\.[01] (?:400|413|501)/m
      const answers = await client
        .say(accepted(bytes, ours))
        .until((heard) => count(heard, 'HTTP/1.1 200') === wanted.length || refusal.test(heard))
        .catch(() => client.heard)
      const isRefused = refusal.test(answers)
      if (isRefused) counts.refused++
      const heard = node.heard.map(brief)
      counts.requests += heard.length
      const stream = `stream ${JSON.stringify(bytes.toString('latin1'))}`
      // It ends some connections of HTTP/1.0 after the first answer. All that it passed on must
      // have been answered, so that it does not wait for more of a body.
      const hasEnded = client.isEnded && count(answers, 'HTTP/1.1 200') === heard.length
      same(stream, heard, isRefused || hasEnded ? wanted.slice(0, heard.length) : wanted)
    }
    say(`${counts.streams} streams, ${counts.requests} requests: HAProxy read all of them the same, and refused ${counts.refused} streams`)
    expect(counts.requests).toBeGreaterThan(0)
  } finally {
    const ended = once(haproxy, 'exit')
    haproxy.kill()
    await ended
    node.server.close()
    node.server.closeAllConnections()
    rmSync(folder, { recursive: true })
  }
})

async function freePort(): Promise<number> {
  const server = createTcpServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // it listens on TCP
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function listening(port: number): Promise<void> {
  for (;;) {
    using client = new RawClient(port)
    const isThere = await Promise.race([once(client.socket, 'connect'), client.rest().then(() => false)]).catch(() => false)
    if (isThere !== false) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
