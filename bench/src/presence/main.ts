// What presence costs: a controller that watches replicas of a routed component, one core's share
// over some time: `npm run bench:presence -- --help`.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { startAssignmentController } from '@weaver/deployer'
import { HEARTBEAT_MS, type Assignment } from '@weaver/sdk/contract'
import { connectNats } from '@weaver/sdk/internal'
import { startNatsServer } from '@weaver/testing'
import { numberFlag, runCommand } from '../command.js'
import { cpuOf } from '../cpu-time.js'
import { goalTable, table, type Goal } from '../table.js'
import { DEPLOYMENT, SILENT } from './setting.js'

const usage = `Usage: npm run bench:presence -- [flags]

CPU of a controller that watches the replicas of a routed component, of those replicas and of the broker, while nothing happens but heartbeats.

  --replicas N  (default: 1000)
  --seconds N   (default: 20)
  --json        machine-readable
Needs nats-server on the PATH, and Linux.
`
/** Of one core, for 1,000 replicas. */
const MOST = 0.02

interface Presences {
  /** Shares of one core. */
  readonly controller: number
  readonly replicas: number
  readonly broker: number
  /** Of the controller, until all had joined. */
  readonly joiningCpuSeconds: number
  readonly epochs: number
  readonly slices: number
  readonly assignmentBytes: number
}

async function measure(count: number, seconds: number): Promise<Presences> {
  const nats = await startNatsServer()
  const replicas = fork(new URL('replicas.js', import.meta.url), [nats.url, String(count)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  try {
    const port = await connectNats({ servers: [nats.url], name: 'deployer', inboxPrefix: `wv.${DEPLOYMENT}.i.deployer`, log: SILENT })
    const made: Assignment[] = []
    const started = cpuOf(process.pid)
    const controller = startAssignmentController({
      deploymentId: DEPLOYMENT,
      port,
      onAssignment: (assignment) => void made.push(assignment),
    })
    replicas.send('join')
    await once(replicas, 'message')
    while (made.at(-1)?.replicas.length !== count) await sleep(50)
    const joiningCpuSeconds = cpuOf(process.pid) - started
    const last = made.at(-1) as Assignment // the loop has waited for it
    const pids = [process.pid, replicas.pid ?? 0, nats.pid]
    const before = pids.map(cpuOf)
    const start = performance.now()
    await sleep(seconds * 1_000)
    const took = (performance.now() - start) / 1_000
    const [shareOfController = 0, shareOfReplicas = 0, broker = 0] = pids.map((pid, i) => (cpuOf(pid) - (before[i] ?? 0)) / took)
    controller.close()
    await port.close()
    return {
      controller: shareOfController,
      replicas: shareOfReplicas,
      broker,
      joiningCpuSeconds,
      epochs: made.length,
      slices: last.owners.length,
      assignmentBytes: JSON.stringify(last).length,
    }
  } finally {
    replicas.kill()
    await nats.stop()
  }
}

await runCommand(
  { usage, needs: 'nats-server', options: { replicas: { type: 'string', default: '1000' }, seconds: { type: 'string', default: '20' } } },
  async (flags) => {
    const found = await measure(numberFlag('replicas', flags.replicas), numberFlag('seconds', flags.seconds, 0.1))
    if (flags.json) {
      process.stdout.write(`${JSON.stringify(found, null, 2)}\n`)
      return
    }
    const percent = (share: number): string => `${(100 * share).toFixed(2)} %`
    process.stdout.write(`${flags.replicas} replicas, a heartbeat each ${HEARTBEAT_MS / 1_000} s, over ${flags.seconds} s\n`)
    process.stdout.write(
      table(
        ['', 'of one core'],
        [
          ['controller', percent(found.controller)],
          ['all the replicas, together', percent(found.replicas)],
          ['broker', percent(found.broker)],
        ],
      ),
    )
    process.stdout.write(
      `joining took ${found.joiningCpuSeconds.toFixed(2)} s of the controller's CPU, ${found.epochs} epochs; an assignment of ${found.slices} slices has ${found.assignmentBytes} bytes\n`,
    )
    const goal: Goal = {
      what: 'controller, for 1,000 replicas',
      goal: `≤ ${percent(MOST)}`,
      reached: percent(found.controller),
      isReached: found.controller <= MOST,
    }
    if (numberFlag('replicas', flags.replicas) === 1_000) process.stdout.write(`\n${goalTable([goal])}`)
  },
)
