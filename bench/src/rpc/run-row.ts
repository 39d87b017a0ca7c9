/** One row once: a nats-server, a server and a client, each a fresh process. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { freePort, startNatsServer } from '@weaver/testing'
import { cpuOf, cpuOfMachine } from '../cpu-time.js'
import type { ToChild, ToParent } from './messages.js'
import type { Figures, Meeting, Payload } from './row.js'
import { ROWS } from './rows.js'

export interface Run {
  readonly row: string
  readonly payload: Payload
  /** With 64 callers. */
  readonly seconds: number
  /** Paths of `.cpuprofile` files to write. */
  readonly profiles?: { readonly client: string; readonly server: string }
}

const CHILD = new URL('child.js', import.meta.url)

export async function runRow(run: Run): Promise<Figures> {
  const loaded = await ROWS[run.row]?.load()
  if (loaded === undefined) throw new Error(`there is no row "${run.row}"`)
  if ('measure' in loaded) return loaded.measure(run.payload, run.seconds)
  const nats = await startNatsServer()
  const children: Child[] = []
  try {
    const meeting: Meeting = { natsUrl: nats.url, port: await freePort() }
    const start = (role: 'serve' | 'drive', profile: string | undefined): Child => {
      const child = new Child(run.row, [role, run.row, JSON.stringify(meeting), run.payload, String(run.seconds), profile ?? ''])
      children.push(child)
      return child
    }
    const server = start('serve', run.profiles?.server)
    await server.hears('ready')
    const client = start('drive', run.profiles?.client)
    await client.hears('ready')
    const pids = { server: server.pid, broker: nats.pid, client: client.pid, own: process.pid }
    const before = { ...cpuNow(pids), at: performance.now() }
    server.tell({ kind: 'go' })
    client.tell({ kind: 'go' })
    await client.hears('done')
    const after = { ...cpuNow(pids), at: performance.now() }
    const { sample } = await client.hears('sample')
    if (run.profiles !== undefined) {
      server.tell({ kind: 'stop' })
      await server.hears('written')
    }
    const ours = (['server', 'broker', 'client', 'own'] as const).reduce((sum, who) => sum + after[who] - before[who], 0)
    return {
      ...sample,
      serverCpuUs: ((after.server - before.server) * 1e6) / sample.calls,
      brokerCpuUs: ((after.broker - before.broker) * 1e6) / sample.calls,
      foreignCores: Math.max(0, ((after.machine - before.machine - ours) * 1_000) / (after.at - before.at)),
    }
  } finally {
    for (const child of children) child.kill()
    await nats.stop()
  }
}

function cpuNow(pids: Readonly<Record<'server' | 'broker' | 'client' | 'own', number>>): Record<keyof typeof pids | 'machine', number> {
  const { server, broker, client, own } = pids
  return { machine: cpuOfMachine(), server: cpuOf(server), broker: cpuOf(broker), client: cpuOf(client), own: cpuOf(own) }
}

class Child {
  readonly #process: ChildProcess
  readonly #row: string
  readonly #heard: ToParent[] = []

  constructor(row: string, args: readonly string[]) {
    this.#row = row
    this.#process = fork(CHILD, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    this.#process.on('message', (message: ToParent) => this.#heard.push(message))
  }

  get pid(): number {
    return this.#process.pid ?? 0
  }

  tell(message: ToChild): void {
    this.#process.send(message)
  }

  /** @throws Error when the process ends first */
  async hears<K extends ToParent['kind']>(kind: K): Promise<Extract<ToParent, { readonly kind: K }>> {
    for (;;) {
      const found = this.#heard.find((message) => message.kind === kind)
      if (found !== undefined) {
        this.#heard.splice(this.#heard.indexOf(found), 1)
        return found as Extract<ToParent, { readonly kind: K }> // found by it
      }
      const { exitCode, signalCode } = this.#process
      if (exitCode !== null || signalCode !== null)
        throw new Error(`a process of the row "${this.#row}" ended with ${exitCode ?? signalCode}; its error is above`)
      const abort = new AbortController()
      await Promise.race([
        once(this.#process, 'message', { signal: abort.signal }),
        once(this.#process, 'exit', { signal: abort.signal }),
      ]).finally(() => abort.abort())
    }
  }

  kill(): void {
    this.#process.kill('SIGKILL')
  }
}
