// What a proxy costs: ours, HAProxy and http-proxy-3, each with one thread, and no proxy at all:
// `npm run bench:proxy -- --help`.
import { numberFlag, runCommand } from '../command.js'
import { cpuOf, cpuOfMachine } from '../cpu-time.js'
import { mean, median, percentile } from '../statistics.js'
import { goalTable, table, type Goal } from '../table.js'
import { load, startBackends } from './load.js'
import { haproxy, startHaproxy, startNodeProxy, type RunningProxy } from './proxies.js'

const usage = `Usage: npm run bench:proxy -- [flags]

Requests per second, latency and CPU of a proxy with one thread before two backends (weights 90 and 10, small replies): ours, HAProxy where it is installed, http-proxy-3, and none.

  --seconds N      of each run (default: 4)
  --rounds N       (default: 3)
  --connections N  (default: 16)
  --json           machine-readable
Needs Linux.
`

interface Run {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  readonly cpu: number
  /** Share of a core that the proxy had. */
  readonly busy: number
  /** Cores that others used meanwhile: neither the proxy nor this process. */
  readonly foreign: number
}

type Row = 'direct' | 'haproxy' | 'weaver' | 'http-proxy-3'
const NAMES: Readonly<Record<Row, string>> = {
  direct: 'no proxy',
  haproxy: 'HAProxy, one thread',
  weaver: '@weaver/proxy',
  'http-proxy-3': 'http-proxy-3',
}

async function start(row: Row, ports: readonly number[]): Promise<RunningProxy> {
  if (row === 'direct') return { port: ports[0] ?? 0, pid: 0, stop: async () => {} }
  return row === 'haproxy' ? startHaproxy(haproxy ?? '', ports) : startNodeProxy(row, ports)
}

async function run(row: Row, connections: number, seconds: number): Promise<Run> {
  const backends = await startBackends(2)
  const proxy = await start(row, backends.ports)
  try {
    await load(proxy.port, connections, Math.min(1, seconds)) // warm
    const machine = cpuOfMachine()
    const own = process.cpuUsage()
    const cpu = cpuOf(proxy.pid)
    const { requests, seconds: took, latencies } = await load(proxy.port, connections, seconds)
    const used = cpuOf(proxy.pid) - cpu
    const { user, system } = process.cpuUsage(own)
    return {
      perSecond: requests / took,
      p50: percentile(latencies, 50),
      p99: percentile(latencies, 99),
      cpu: (used * 1e6) / requests,
      busy: used / took,
      foreign: Math.max(0, (cpuOfMachine() - machine - used - (user + system) / 1e6) / took),
    }
  } finally {
    await proxy.stop()
    backends.close()
  }
}

await runCommand(
  {
    usage,
    options: {
      seconds: { type: 'string', default: '4' },
      rounds: { type: 'string', default: '3' },
      connections: { type: 'string', default: '16' },
    },
  },
  async (flags) => {
    const seconds = numberFlag('seconds', flags.seconds, 0.05)
    const rounds = numberFlag('rounds', flags.rounds)
    const connections = numberFlag('connections', flags.connections)
    if (haproxy === undefined) process.stderr.write('there is no haproxy here: its row is left out\n')
    const rows: readonly Row[] =
      haproxy === undefined ? ['direct', 'weaver', 'http-proxy-3'] : ['direct', 'haproxy', 'weaver', 'http-proxy-3']
    const runs = new Map<Row, Run[]>(rows.map((row) => [row, []]))
    for (let round = 0; round < rounds; round++)
      for (let i = 0; i < rows.length; i++) {
        const row = rows[(i + round) % rows.length] ?? 'direct'
        runs.get(row)?.push(await run(row, connections, seconds))
      }
    const of = (row: Row, what: keyof Run): number => median((runs.get(row) ?? []).map((one) => one[what]))
    // Of each round by itself: what the machine did to one it did to the others.
    const ratios = (base: Row): readonly number[] =>
      (runs.get('weaver') ?? []).map((one, i) => one.perSecond / (runs.get(base)?.[i]?.perSecond ?? Number.NaN))
    if (flags.json) {
      process.stdout.write(`${JSON.stringify(Object.fromEntries(runs), null, 2)}\n`)
      return
    }
    const micros = (value: number): string => value.toFixed(0)
    process.stdout.write(`${connections} connections, ${rounds} rounds of ${seconds} s, medians\n`)
    process.stdout.write(
      table(
        ['', 'requests/s', 'added p50 µs', 'added p99 µs', 'CPU µs a request', 'of a core', 'foreign'],
        rows.map((row) => [
          NAMES[row],
          of(row, 'perSecond').toFixed(0),
          row === 'direct' ? '–' : micros(of(row, 'p50') - of('direct', 'p50')),
          row === 'direct' ? '–' : micros(of(row, 'p99') - of('direct', 'p99')),
          row === 'direct' ? '–' : of(row, 'cpu').toFixed(1),
          row === 'direct' ? '–' : of(row, 'busy').toFixed(2),
          of(row, 'foreign').toFixed(2),
        ]),
      ),
    )
    const goal = (base: Row, wanted: number): Goal => {
      const reached = mean(ratios(base))
      return {
        what: `requests/s ÷ ${NAMES[base]}`,
        goal: `≥ ${wanted}`,
        reached: `${reached.toFixed(2)} (${Math.min(...ratios(base)).toFixed(2)}–${Math.max(...ratios(base)).toFixed(2)})`,
        isReached: reached >= wanted,
      }
    }
    process.stdout.write(`\n${goalTable([...(haproxy === undefined ? [] : [goal('haproxy', 0.8)]), goal('http-proxy-3', 3)])}`)
  },
)
