/**
 * Real nats-servers in operator mode on loopback, in a cluster, with the full resolver: what the chart configures, routes with their password included, but
 * without monitoring, pod names and a slow stop. Each server keeps its folder when it goes down, as one with a persistent volume does, unless the folder is wiped.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createBrokerAuth, type BrokerAuth } from '../broker/keygen.js'

export interface NatsCluster {
  readonly auth: BrokerAuth
  /** Where the servers meet each other: `127.0.0.1:port` of each. */
  readonly routes: readonly string[]
  /** One URL per server. */
  readonly servers: readonly string[]
  /** Ends a server at once, as a lost node does. */
  stop(server: number): Promise<void>
  /** Starts it again, with the accounts that it had; nothing when it runs. Resolves when it accepts clients. */
  start(server: number): Promise<void>
  /** Forgets the accounts of a server that is down. */
  wipe(server: number): Promise<void>
  /** A frozen server keeps its connections and says nothing. */
  freeze(server: number): void
  thaw(server: number): void
  /** The server says that it will stop, accepts no new connection, and closes those that it has ten seconds later (lame duck mode). */
  retire(server: number): void
  close(): Promise<void>
}

/** @throws Error when no `nats-server` is on the PATH. */
export async function startNatsCluster(size: number): Promise<NatsCluster> {
  const root = await mkdtemp(join(tmpdir(), 'weaver-nats-'))
  const auth = await createBrokerAuth()
  const ports = await freePorts(size * 2)
  const [clientPorts, routePorts] = [ports.slice(0, size), ports.slice(size)]
  const running = new Map<number, ChildProcess>()
  const folderOf = (server: number): string => join(root, `jwt-${server}`)
  for (const server of clientPorts.keys())
    await writeFile(
      join(root, `${server}.conf`),
      [
        `server_name: nats-${server}`,
        `listen: "127.0.0.1:${clientPorts[server]}"`,
        'ping_interval: 20s',
        'lame_duck_duration: 30s',
        'lame_duck_grace_period: 10s',
        ...(size === 1
          ? []
          : [
              'cluster {',
              '  name: weaver-nats',
              `  listen: "127.0.0.1:${routePorts[server]}"`,
              '  connect_retries: 120',
              `  authorization { user: weaver, password: ${auth['route.password']}, timeout: 5 }`,
              `  routes: [${routePorts.map((port) => `"nats://weaver:${auth['route.password']}@127.0.0.1:${port}"`).join(', ')}]`,
              '}',
            ]),
        auth['auth.conf'].replace(/dir: "[^"]*"/, `dir: "${folderOf(server)}"`),
      ].join('\n'),
    )
  const end = async (child: ChildProcess | undefined): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  const cluster: NatsCluster = {
    auth,
    routes: routePorts.map((port) => `127.0.0.1:${port}`),
    servers: clientPorts.map((port) => `nats://127.0.0.1:${port}`),
    async stop(server) {
      await end(running.get(server))
      running.delete(server)
    },
    async start(server) {
      if (!running.has(server)) running.set(server, await startServer(join(root, `${server}.conf`)))
    },
    wipe: (server) => rm(folderOf(server), { recursive: true, force: true }),
    freeze: (server) => void running.get(server)?.kill('SIGSTOP'),
    thaw: (server) => void running.get(server)?.kill('SIGCONT'),
    retire: (server) => void running.get(server)?.kill('SIGUSR2'),
    async close() {
      await Promise.all([...running.values()].map(end))
      await rm(root, { recursive: true, force: true })
    },
  }
  try {
    await Promise.all([...clientPorts.keys()].map((server) => cluster.start(server)))
  } catch (error) {
    await cluster.close()
    throw error
  }
  return cluster
}

export interface PlainNatsServer {
  readonly url: string
  close(): Promise<void>
}

/** A server without operator mode, as a user may have one already. */
export async function startPlainNatsServer(config: readonly string[] = []): Promise<PlainNatsServer> {
  const root = await mkdtemp(join(tmpdir(), 'weaver-nats-'))
  const [port] = await freePorts(1)
  const file = join(root, 'nats.conf')
  await writeFile(file, [`listen: "127.0.0.1:${port}"`, ...config].join('\n'))
  const child = await startServer(file)
  return {
    url: `nats://127.0.0.1:${port}`,
    async close() {
      child.kill('SIGKILL')
      await once(child, 'exit')
      await rm(root, { recursive: true, force: true })
    },
  }
}

/** A bound for a server that never comes, not for a busy machine. */
const READY_MS = 120_000

async function startServer(config: string): Promise<ChildProcess> {
  const child = spawn('nats-server', ['--config', config], { stdio: ['ignore', 'ignore', 'pipe'] })
  let text = ''
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL') // it would keep its ports from the next one
      reject(new Error(`nats-server was not ready after ${READY_MS / 1_000} s:\n${text}`))
    }, READY_MS)
    const settle = (outcome: () => void): void => {
      clearTimeout(timer)
      outcome()
    }
    child.on('error', (cause) =>
      settle(() =>
        reject(new Error('nats-server cannot be started; install it, or run the tests by `make test`, which builds it', { cause })),
      ),
    )
    child.on('exit', (code) => settle(() => reject(new Error(`nats-server ended with ${code}:\n${text}`))))
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      if (text.length < 20_000) text += chunk
      if (text.includes('Server is ready')) settle(resolve)
    })
  })
  return child
}

/** Ports of loopback that are free at this moment. */
async function freePorts(count: number): Promise<number[]> {
  const probes = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  return Promise.all(
    probes.map(async (probe) => {
      if (!probe.listening) await once(probe, 'listening')
      const { port } = probe.address() as { readonly port: number } // a TCP server that listens has one
      return port
    }),
  ).finally(() => Promise.all(probes.map((probe) => new Promise((resolve) => probe.close(resolve)))))
}
