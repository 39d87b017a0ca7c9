/** Pods of versions as servers on loopback, each on an address of its own: a listener that names its version, and the weavelet's health port. */
import { createServer, type Server } from 'node:http'
import { fork, type ChildProcess } from 'node:child_process'
import { writeFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import type { TrafficBackend } from '../traffic/driver.js'

type PodView = TrafficBackend['pods'][number]

export interface VersionPod {
  readonly view: PodView
  /** The version that it is, and answers its checks as; may be changed, as if its address had gone to another pod. */
  deploymentId: string
  /** Answers its checks with 503 when false. */
  isReady: boolean
  /** Milliseconds before an answer. */
  delayMs: number
  readonly requests: () => number
  /** Ends as a pod in its grace period does: what it serves is finished, and connections that wait for a request are closed. */
  leave(): Promise<void>
  /** Ends at once. */
  close(): Promise<void>
}

export async function startVersionPod(name: string, ip: string, deploymentId: string): Promise<VersionPod> {
  let requests = 0
  const tunnels = new Set<Duplex>()
  const health = createServer((request, response) => {
    response.writeHead(pod.isReady && request.url === `/readyz?v=${pod.deploymentId}` ? 200 : 503)
    response.end()
  })
  const listener = createServer((request, response) => {
    requests += 1
    request.resume()
    request.on('end', () => setTimeout(() => response.end(pod.deploymentId), pod.delayMs))
  })
  listener.keepAliveTimeout = 60_000
  // A WebSocket as a proxy sees it: bytes both ways until somebody ends them.
  listener.on('upgrade', (_request, socket) => {
    tunnels.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('end', () => socket.end())
    socket.on('close', () => tunnels.delete(socket))
    // The answer to the key of the specification's own example (RFC 6455, 1.3), which tests send.
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n',
    )
  })
  await Promise.all([listen(health, ip, 8079), listen(listener, ip, 8080)])
  const pod: VersionPod = {
    view: viewOf(name, ip),
    deploymentId,
    isReady: true,
    delayMs: 0,
    requests: () => requests,
    async leave() {
      await Promise.all([health, listener].map((server) => new Promise((resolve) => server.close(resolve))))
    },
    async close() {
      for (const tunnel of tunnels) tunnel.destroy()
      for (const server of [health, listener]) {
        const closed = new Promise((resolve) => server.close(resolve))
        server.closeAllConnections()
        await closed
      }
    },
  }
  return pod
}

/** The same as a process of its own, for being killed; `kill` resolves when it is dead. */
export async function startVersionProcess(
  name: string,
  ip: string,
  deploymentId: string,
): Promise<{ readonly view: PodView; readonly kill: () => Promise<void>; close(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'weaver-pod-'))
  const file = join(folder, 'pod.mjs')
  await writeFile(
    file,
    `import { createServer } from 'node:http'
const [ip, id] = process.argv.slice(2)
const start = (port, answer) => new Promise((done) => createServer(answer).listen(port, ip, done))
await start(8079, (q, r) => { r.writeHead(q.url === '/readyz?v=' + id ? 200 : 503); r.end() })
await start(8080, (q, r) => { q.resume(); q.on('end', () => setTimeout(() => r.end(id), 5)) })
process.send('up')
process.on('disconnect', () => process.exit())`,
  )
  const child: ChildProcess = fork(file, [ip, deploymentId], { execArgv: [] })
  const ended = new Promise<void>((resolve) => void child.once('exit', () => resolve()))
  await new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve())
    child.once('exit', (code) => reject(new Error(`pod process ended with ${code}`)))
  })
  return {
    view: viewOf(name, ip),
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
    async close() {
      child.kill('SIGKILL')
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function viewOf(name: string, ip: string): PodView {
  return { name, uid: `uid-${name}`, ip, port: 8080, healthPort: 8079, ready: true, terminating: false }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
}
