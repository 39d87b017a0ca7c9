import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import net, { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'

// Both halves run on this machine, so "in the cluster" is this machine's loopback; that they reach
// each other over nothing but the unix socket is the same.
const program = fileURLToPath(new URL('forward.mjs', import.meta.url))
const children: ChildProcess[] = []
const servers: net.Server[] = []
let state: string

const start = (...args: string[]): void => void children.push(spawn(process.execPath, [program, ...args], { stdio: 'inherit' }))

async function appears(path: string): Promise<void> {
  for (const limit = Date.now() + 60_000; !existsSync(path);) {
    if (Date.now() > limit) throw new Error(`"${path}" did not appear within 10 s`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function serve(port: number, onSocket: (socket: net.Socket) => void): Promise<number> {
  const server = net.createServer({ allowHalfOpen: true }, onSocket)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port // listens on TCP, so the address is an object
}

/** Sends `data`, ends its half, and gives all that comes back. */
function exchange(port: number, data: Buffer | string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('end', () => resolve(Buffer.concat(chunks)))
    socket.on('error', reject)
    socket.end(data)
  })
}

async function ask(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [program, 'ask', state, ...args])
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, out: out.trim(), err }
}

let echo: number
let taken: number
let first: number

beforeAll(async () => {
  state = await mkdtemp(`${tmpdir()}/forward-`)
  // answers only after the client has ended its half, with everything that it got
  echo = await serve(0, (socket) => {
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('end', () => socket.end(Buffer.concat(chunks)))
  })
  taken = await serve(0, (socket) => socket.destroy())
  start('inside', state)
  await appears(`${state}/forward.sock`)
  start('outside', state, `FIRST=${taken}+@127.0.0.1:${echo}`)
  await appears(`${state}/ports.env`)
  first = Number(/FIRST=(\d+)/.exec(await readFile(`${state}/ports.env`, 'utf8'))?.[1])
})

afterAll(async () => {
  for (const child of children) child.kill()
  for (const server of servers) server.close()
  await rm(state, { recursive: true })
})

it('takes the next free port when the wanted one is taken', () => {
  expect(first).toBeGreaterThan(taken)
})

it('carries both halves of a connection whole, also when one side has ended its half before the other speaks', async () => {
  const data = Buffer.alloc(5_000_000, 'weaver\n')
  expect((await exchange(first, data)).equals(data)).toBe(true)
})

it('keeps many connections apart', async () => {
  const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => exchange(first, `request ${i}`)))
  expect(answers.map(String)).toEqual(Array.from({ length: 50 }, (_, i) => `request ${i}`))
})

it('adds a forward on request, once for each target', async () => {
  const added = await ask(`127.0.0.1:${echo}`)
  expect(added).toMatchObject({ code: 0 })
  expect(String(await exchange(Number(added.out.split(':')[1]), 'hello'))).toBe('hello')
  expect((await ask(`127.0.0.1:${echo}`)).out).toBe(added.out)
})

it('says so when the wanted port is taken', async () => {
  const refused = await ask(`127.0.0.1:${echo}`, String(taken))
  expect(refused.code).toBe(1)
  expect(refused.err).toContain(`cannot forward 127.0.0.1:${echo} to port ${taken}: listen EADDRINUSE`)
})

it('closes the connection when nothing listens at the target', async () => {
  const closed = await serve(0, () => undefined)
  await new Promise((resolve) => servers.pop()?.close(resolve))
  const { out } = await ask(`127.0.0.1:${closed}`)
  expect((await exchange(Number(out.split(':')[1]), 'anybody?').catch(() => Buffer.alloc(0))).length).toBe(0)
})
