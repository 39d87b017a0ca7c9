/**
 * The Go original (peers/service-weaver), deployed by its own `weaver multi`: two replicas of main
 * and two of the component, TCP between them, no broker. Each replica of main is a process that
 * calls, with half of the 64 callers; what both did is added up. They dial this process, which
 * tells both what to do and when.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { cpuOf, cpuOfMachine, groupOf } from '../../cpu-time.js'
import { CALLERS, SINGLE_CALLS, WARM_UP_CALLS } from '../measure.js'
import { RowUnavailable, type Figures, type OwnProcessesRow, type Payload } from '../row.js'

/** main.go answers with it. */
interface GoSample {
  readonly calls: number
  readonly seconds: number
  readonly p50Us: number
  readonly p99Us: number
}
interface Command {
  readonly payload: Payload
  readonly callers: number
  readonly calls?: number
  readonly seconds?: number
}

/** `weaver multi` gives every group so many, main as well. */
const REPLICAS = 2
const START_MS = 30_000

/** Builds both programs unless they are there. @throws RowUnavailable */
async function build(): Promise<string> {
  const script = fileURLToPath(new URL('../../../scripts/service-weaver.sh', import.meta.url))
  try {
    const { stdout } = await promisify(execFile)('bash', [script, 'build'])
    return stdout.trim()
  } catch (error) {
    throw new RowUnavailable((error as { readonly stderr?: string }).stderr?.trim() ?? String(error)) // execFile adds it
  }
}

export const serviceWeaverRow: OwnProcessesRow = {
  async prepare() {
    await build()
  },
  async measure(payload, seconds) {
    const folder = await build()
    const work = await mkdtemp(join(tmpdir(), 'weaver-bench-'))
    const callers: Caller[] = []
    const server = createServer((socket) => callers.push(new Caller(socket)))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}` // a TCP server that listens has one
    await writeFile(
      join(work, 'weaver.toml'),
      `[serviceweaver]\nbinary = ${JSON.stringify(join(folder, 'echo'))}\nenv = [${JSON.stringify(`BENCH_ADDRESS=${address}`)}]\n`,
    )
    // A process group of its own: it starts the replicas, and all of them shall end with it.
    const deployment = spawn(join(folder, 'weaver'), ['multi', 'deploy', join(work, 'weaver.toml')], {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, HOME: work, XDG_DATA_HOME: work, TMPDIR: work },
    })
    let output = ''
    for (const stream of [deployment.stdout, deployment.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text))
    try {
      const until = Date.now() + START_MS
      while (callers.length < REPLICAS) {
        if (deployment.exitCode !== null || Date.now() > until)
          throw new RowUnavailable(`\`weaver multi deploy\` did not start ${REPLICAS} callers:\n${output.slice(-2_000)}`)
        await sleep(20)
      }
      return await measureWith(callers, deployment, { payload, seconds })
    } finally {
      await stop(deployment)
      server.close()
      for (const { socket } of callers) socket.destroy()
      await rm(work, { recursive: true, force: true })
    }
  },
}

async function measureWith(
  callers: readonly Caller[],
  deployment: ChildProcess,
  { payload, seconds }: { readonly payload: Payload; readonly seconds: number },
): Promise<Figures> {
  const each = CALLERS / callers.length
  const all = (command: Command): Promise<GoSample[]> => Promise.all(callers.map((caller) => caller.measure(command)))
  await all({ payload, callers: each, calls: WARM_UP_CALLS / callers.length })
  const single = await (callers[0] as Caller).measure({ payload, callers: 1, calls: SINGLE_CALLS }) // there are two
  const pids = groupOf(deployment.pid ?? 0, readdirSync('/proc').map(Number))
  const cpu = (): number => pids.reduce((sum, pid) => sum + cpuOf(pid), 0)
  const before = { cpu: cpu(), machine: cpuOfMachine(), own: cpuOf(process.pid), at: performance.now() }
  const samples = await all({ payload, callers: each, seconds })
  const took = (performance.now() - before.at) / 1_000
  const used = cpu() - before.cpu
  const foreign = cpuOfMachine() - before.machine - used - (cpuOf(process.pid) - before.own)
  return {
    callsPerSecond: samples.reduce((sum, sample) => sum + sample.calls / sample.seconds, 0),
    p50Us: single.p50Us,
    p99Us: Math.max(...samples.map(({ p99Us }) => p99Us)),
    // One group of processes: which of them calls and which serves is not told apart.
    clientCpuUs: (used * 1e6) / samples.reduce((sum, { calls }) => sum + calls, 0),
    serverCpuUs: 0,
    brokerCpuUs: 0,
    foreignCores: Math.max(0, foreign / took),
  }
}

/** One replica of main. */
class Caller {
  readonly socket: Socket
  readonly #answers: AsyncIterator<string>

  constructor(socket: Socket) {
    this.socket = socket
    this.#answers = createInterface(socket)[Symbol.asyncIterator]()
  }

  async measure(command: Command): Promise<GoSample> {
    this.socket.write(`${JSON.stringify(command)}\n`)
    const { done, value } = await this.#answers.next()
    if (done === true) throw new Error('a caller of the row "service-weaver" ended before it had answered')
    return JSON.parse(value) as GoSample // main.go writes it
  }
}

async function stop(deployment: ChildProcess): Promise<void> {
  if (deployment.pid === undefined || deployment.exitCode !== null) return
  const exited = once(deployment, 'exit')
  process.kill(-deployment.pid, 'SIGKILL')
  await exited
}
