// RPC over one nats-server, client and server in processes of their own, every row in each round, rounds one after the other: `npm run bench:rpc -- --help`.
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { startNatsServer } from '@weaver/sdk/testing'
import { median, type Sample } from './measure.js'
import { FLOOR, ROWS } from './rows.js'

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '1.5' },
    rows: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
})
if (flags.help) {
  process.stdout.write(
    `Usage: npm run bench:rpc -- [--rounds 5] [--seconds 1.5] [--rows ${Object.keys(ROWS).join(',')}] [--json]\nNeeds nats-server on the PATH. Ratios are to the row "${FLOOR}" of the same round; medians over the rounds.\n`,
  )
  process.exit(0)
}
const rows = flags.rows === undefined ? Object.keys(ROWS) : [...new Set([FLOOR, ...flags.rows.split(',')])]
const unknown = rows.filter((row) => ROWS[row] === undefined)
if (unknown.length > 0) {
  process.stderr.write(`there is no row "${unknown.join('", "')}"; use ${Object.keys(ROWS).join(', ')}\n`)
  process.exit(2)
}

type Figures = Sample & { readonly totalCpuUs: number }
const CHILD = new URL('child.js', import.meta.url)

/** One row once, in fresh processes. */
async function runRow(row: string, payload: string): Promise<Figures> {
  const nats = await startNatsServer()
  const children: ChildProcess[] = []
  const start = (role: string): ChildProcess => {
    const child = fork(CHILD, [role, row, nats.url, payload, flags.seconds], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    children.push(child)
    return child
  }
  const answer = async (child: ChildProcess): Promise<unknown> => {
    const [message] = (await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(([code]) => {
        throw new Error(`a process of the row "${row}" ended with ${String(code)}`)
      }),
    ])) as [unknown]
    return message
  }
  try {
    const server = start('serve')
    await answer(server)
    const serverCpu = async (): Promise<number> => {
      server.send('cpu')
      const { user, system } = (await answer(server)) as NodeJS.CpuUsage // child.ts sends it
      return user + system
    }
    const before = [await serverCpu(), cpuOfProcess(nats.pid)] as const
    const sample = (await answer(start('drive'))) as Sample // child.ts sends it
    // The warm-up and the single caller are in these two as well: their calls are counted with them.
    const calls = sample.calls + 12_000
    const broker = (cpuOfProcess(nats.pid) - before[1]) / calls
    const served = ((await serverCpu()) - before[0]) / calls
    return { ...sample, totalCpuUs: sample.cpuUs + served + broker }
  } finally {
    for (const child of children) child.kill('SIGKILL')
    await nats.stop()
  }
}

/** Microseconds, from `/proc`: clock ticks are hundredths of a second. */
function cpuOfProcess(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}

const results: Record<string, Record<string, Figures[]>> = {}
for (const payload of ['tiny', 'order']) {
  const ofPayload: Record<string, Figures[]> = Object.fromEntries(rows.map((row) => [row, []]))
  results[payload] = ofPayload
  for (let round = 0; round < Number(flags.rounds); round++) {
    // Rotated, so that no row always runs after the same one.
    const rotated = rows.map((_, i) => rows[(i + round) % rows.length] as string) // the index is in bounds
    for (const row of rotated) {
      process.stderr.write(`${payload} round ${round + 1}/${flags.rounds} ${row}\n`)
      ofPayload[row]?.push(await runRow(row, payload))
    }
  }
}

const summary = Object.entries(results).map(([payload, ofPayload]) => {
  const floor = ofPayload[FLOOR] ?? []
  const ratio = (figures: readonly Figures[], of: (f: Figures) => number): number =>
    median(figures.map((f, round) => of(f) / of(floor[round] as Figures))) // rows have the same rounds
  return {
    payload,
    rows: Object.entries(ofPayload).map(([row, figures]) => ({
      row,
      title: ROWS[row]?.title ?? row,
      throughput: ratio(figures, (f) => f.callsPerSecond),
      p50: ratio(figures, (f) => f.p50Us),
      cpu: ratio(figures, (f) => f.totalCpuUs),
      callsPerSecond: median(figures.map((f) => f.callsPerSecond)),
      p50Us: median(figures.map((f) => f.p50Us)),
      p99Us: median(figures.map((f) => f.p99Us)),
      totalCpuUs: median(figures.map((f) => f.totalCpuUs)),
    })),
  }
})
if (flags.json) process.stdout.write(`${JSON.stringify(summary, null, 2)}\n`)
else
  for (const { payload, rows: lines } of summary) {
    process.stdout.write(`\n${payload}: medians of ${flags.rounds} rounds; × is to "${ROWS[FLOOR]?.title}" of the same round\n`)
    process.stdout.write(
      `${'row'.padEnd(40)} ${['calls/s ×', 'p50 c=1 ×', 'CPU/call ×', 'calls/s', 'p50 µs', 'p99 µs', 'CPU µs'].map((h) => h.padStart(10)).join(' ')}\n`,
    )
    for (const line of lines)
      process.stdout.write(
        `${line.title.padEnd(40)} ${[line.throughput, line.p50, line.cpu].map((x) => x.toFixed(2).padStart(10)).join(' ')} ${[line.callsPerSecond, line.p50Us, line.p99Us].map((x) => Math.round(x).toString().padStart(10)).join(' ')} ${line.totalCpuUs.toFixed(1).padStart(10)}\n`,
      )
  }
