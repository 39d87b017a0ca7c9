import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export interface RunningProxy {
  readonly port: number
  readonly pid: number
  stop(): Promise<void>
}

/** Where Debian and others put it. */
export const haproxy: string | undefined = ['/usr/sbin/haproxy', '/usr/local/sbin/haproxy', '/opt/homebrew/sbin/haproxy'].find((path) =>
  existsSync(path),
)

export async function startNodeProxy(kind: 'weaver' | 'http-proxy-3', ports: readonly number[]): Promise<RunningProxy> {
  const child = spawn(process.execPath, [new URL('child.js', import.meta.url).pathname, kind, ...ports.map(String)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return { port: Number(line.toString()), pid: child.pid ?? 0, stop: () => stop(child) }
}

/** One thread, as ours; weights by its own balance, and the same headers added. */
export async function startHaproxy(path: string, [first = 0, second = 0]: readonly number[]): Promise<RunningProxy> {
  const folder = mkdtempSync(join(tmpdir(), 'weaver-bench-'))
  const port = await freePort()
  const config = join(folder, 'haproxy.cfg')
  writeFileSync(
    config,
    `global
  nbthread 1
  maxconn 1000
defaults
  mode http
  option forwardfor
  http-reuse safe
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  timeout http-request 10s
frontend front
  bind 127.0.0.1:${port}
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request set-header X-Forwarded-Proto http
  default_backend back
backend back
  balance roundrobin
  server v1 127.0.0.1:${first} weight 90
  server v2 127.0.0.1:${second} weight 10
`,
  )
  const child = spawn(path, ['-db', '-f', config], { stdio: ['ignore', 'ignore', 'inherit'] })
  for (let i = 0; i < 200 && !(await listens(port)); i++) await sleep(50)
  return {
    port,
    pid: child.pid ?? 0,
    stop: async () => {
      await stop(child)
      rmSync(folder, { recursive: true })
    },
  }
}

async function stop(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit')
  child.kill()
  await ended
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // it listens on TCP
  await new Promise((resolve) => server.close(resolve))
  return port
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => (socket.destroy(), resolve(true)))
    socket.once('error', () => resolve(false))
  })
}
