// What presence costs: a controller that watches replicas of a routed component, one core's share over some time: `npm run bench:presence -- --help`.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { HEARTBEAT_MS, startAssignmentController, type Assignment } from '@weaver/sdk/contract'
import { connectNats } from '@weaver/sdk/internal'
import { startNatsServer } from '@weaver/sdk/testing'
import { cpuOf } from '../cpu-time.js'
import { DEPLOYMENT, SILENT } from './setting.js'

const { values: flags } = parseArgs({
  options: {
    replicas: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '20' },
    help: { type: 'boolean', short: 'h', default: false },
  },
})
if (flags.help) {
  process.stdout.write('Usage: npm run bench:presence -- [--replicas 1000] [--seconds 20]\nNeeds nats-server on the PATH.\n')
  process.exit(0)
}

const nats = await startNatsServer()
const replicas = fork(new URL('replicas.js', import.meta.url), [nats.url, flags.replicas], {
  stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
})
try {
  const port = await connectNats({ servers: [nats.url], name: 'deployer', inboxPrefix: `wv.${DEPLOYMENT}.i.deployer`, log: SILENT })
  const made: Assignment[] = []
  const started = cpuOf(process.pid)
  const controller = startAssignmentController({ deploymentId: DEPLOYMENT, port, onAssignment: (assignment) => void made.push(assignment) })
  replicas.send('join')
  await once(replicas, 'message')
  while (made.at(-1)?.replicas.length !== Number(flags.replicas)) await sleep(50)
  const joining = cpuOf(process.pid) - started
  const [last] = made.slice(-1)
  const before = [process.pid, replicas.pid ?? 0, nats.pid].map(cpuOf)
  const start = performance.now()
  await sleep(Number(flags.seconds) * 1_000)
  const seconds = (performance.now() - start) / 1_000
  const [deployer = 0, all = 0, broker = 0] = [process.pid, replicas.pid ?? 0, nats.pid].map(
    (pid, i) => (cpuOf(pid) - (before[i] ?? 0)) / seconds,
  )
  const percent = (share: number): string => `${(100 * share).toFixed(2)} % of one core`
  process.stdout.write(
    [
      `${flags.replicas} replicas, a heartbeat each ${HEARTBEAT_MS / 1_000} s, over ${seconds.toFixed(0)} s`,
      `controller        ${percent(deployer)}`,
      `all the replicas  ${percent(all)}, together`,
      `broker            ${percent(broker)}`,
      `joining           ${joining.toFixed(2)} s of the controller's CPU for all of them, ${made.length} epochs; an assignment of ${last?.owners.length} slices takes ${JSON.stringify(last).length} bytes`,
      '',
    ].join('\n'),
  )
  controller.close()
  await port.close()
} finally {
  replicas.kill()
  await nats.stop()
}
