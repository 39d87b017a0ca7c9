// RPC over one nats-server, client and server in processes of their own, every row in each round,
// rounds one after the other: `npm run bench:rpc -- --help`.
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { BenchError, numberFlag, runCommand, UsageError } from '../command.js'
import { goalTable, table } from '../table.js'
import { rpcGoals } from './goals.js'
import { profileRow } from './profile-row.js'
import { PAYLOADS, RowUnavailable, type Figures, type Payload } from './row.js'
import { FLOOR, GROUPS, ROWS } from './rows.js'
import { runRow } from './run-row.js'
import { scheduleRound, summarize, totalCpuUs, type Measured, type RowSummary } from './schedule.js'

const DEFAULT_ROWS = 'floors,layer,peers'
const usage = `Usage: npm run bench:rpc -- [flags]

Calls between two processes, 64 callers and one caller, over one nats-server. Ratios are to the runs of the floor just before and after; medians over the rounds.

  --rows LIST      rows or groups of rows (default: ${DEFAULT_ROWS})
${GROUPS.map(
  (group) =>
    `                   ${`${group}:`.padEnd(15)}${Object.keys(ROWS)
      .filter((row) => ROWS[row]?.group === group)
      .join(', ')}\n`,
).join('')}  --floor ROW      what ratios are to (default: ${FLOOR})
  --payloads LIST  ${PAYLOADS.join(', ')} (default: both)
  --rounds N       (default: 4); 0: only the table of --record
  --seconds N      with 64 callers, of each run (default: 1.5)
  --calm N         a run during which others used more than so many cores is repeated, twice at most (default: 0.25)
  --record FILE    appends every run as a line of JSON, and makes the table of all runs of the file: rounds can be made a few at a time
  --profile ROW    profiles this row instead: writes .cpuprofile files and prints the share of each part
  --profile-dir D  where to (default: dist/profiles of the package)
  --json           machine-readable
Needs nats-server on the PATH, and Linux. The row service-weaver needs Go 1.26 and is left out without it.
`

await runCommand(
  {
    usage,
    needs: 'nats-server',
    options: {
      rows: { type: 'string', default: DEFAULT_ROWS },
      floor: { type: 'string', default: FLOOR },
      payloads: { type: 'string', default: PAYLOADS.join(',') },
      rounds: { type: 'string', default: '4' },
      seconds: { type: 'string', default: '1.5' },
      calm: { type: 'string', default: '0.25' },
      record: { type: 'string' },
      profile: { type: 'string' },
      'profile-dir': { type: 'string' },
    },
  },
  async (flags) => {
    const seconds = numberFlag('seconds', flags.seconds, 0.05)
    const payloads = parsePayloads(flags.payloads)
    if (flags.profile !== undefined) {
      const [row = ''] = parseRows(flags.profile)
      process.stdout.write(await profileRow({ row, payloads, seconds, folder: flags['profile-dir'], isJson: flags.json }))
      return
    }
    const [floor = FLOOR] = parseRows(flags.floor)
    const rows = await available([...new Set([floor, ...parseRows(flags.rows)])])
    const before = flags.record === undefined ? [] : readRecord(flags.record)
    const runs = [...before]
    const firstRound = Math.max(-1, ...before.map(({ round }) => round)) + 1
    for (let round = firstRound; round < firstRound + numberFlag('rounds', flags.rounds, 0); round++)
      for (const payload of payloads)
        for (const row of scheduleRound(rows, floor, round)) {
          process.stderr.write(`round ${round + 1}, ${payload}, ${row}\n`)
          const figures = await runCalmly({ row, payload, seconds }, numberFlag('calm', flags.calm, 0))
          const measured: Measured = { round, payload, row, figures }
          runs.push(measured)
          if (flags.record !== undefined) appendFileSync(flags.record, `${JSON.stringify(measured)}\n`)
        }
    const summaries = PAYLOADS.map((payload) => ({ payload, rows: summarize(runs, floor, payload) })).filter((s) => s.rows.length > 0)
    const goals = rpcGoals(runs, floor)
    if (flags.json) process.stdout.write(`${JSON.stringify({ floor, summaries, goals }, null, 2)}\n`)
    else {
      for (const { payload, rows: lines } of summaries) process.stdout.write(summaryTable(payload, lines, floor))
      if (goals.length > 0) process.stdout.write(`\n${goalTable(goals)}`)
    }
  },
)

function parseRows(list: string): readonly string[] {
  return list.split(',').flatMap((name) => {
    const found = Object.keys(ROWS).filter((row) => row === name || ROWS[row]?.group === name)
    if (found.length === 0)
      throw new UsageError(`there is no row and no group "${name}"; use ${[...GROUPS, ...Object.keys(ROWS)].join(', ')}`)
    return found
  })
}

function parsePayloads(list: string): readonly Payload[] {
  return list.split(',').map((name) => {
    const payload = PAYLOADS.find((known) => known === name)
    if (payload === undefined) throw new UsageError(`there is no payload "${name}"; use ${PAYLOADS.join(', ')}`)
    return payload
  })
}

/** Rows that can run on this machine; of the others is told why not. */
async function available(rows: readonly string[]): Promise<readonly string[]> {
  const usable: string[] = []
  for (const row of rows) {
    try {
      const loaded = await ROWS[row]?.load()
      if (loaded !== undefined && 'prepare' in loaded) await loaded.prepare()
      usable.push(row)
    } catch (error) {
      if (!(error instanceof RowUnavailable)) throw error
      process.stderr.write(`the row "${row}" is left out: ${error.message}\n`)
    }
  }
  return usable
}

/** The calmest of up to three runs. */
async function runCalmly(run: Parameters<typeof runRow>[0], calm: number): Promise<Figures> {
  let best: Figures | undefined
  for (let attempt = 0; attempt < 3; attempt++) {
    const figures = await runRow(run)
    if (best === undefined || figures.foreignCores < best.foreignCores) best = figures
    if (best.foreignCores <= calm) break
  }
  return best as Figures // of the first attempt at least
}

function readRecord(path: string): readonly Measured[] {
  if (!existsSync(path)) return []
  try {
    const lines = readFileSync(path, 'utf8').split('\n')
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Measured) // this command wrote them
  } catch (error) {
    throw new BenchError(`${path} is no record of this benchmark: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function summaryTable(payload: Payload, rows: readonly RowSummary[], floor: string): string {
  const order = Object.keys(ROWS)
  const lines = rows
    .toSorted((a, b) => order.indexOf(a.row) - order.indexOf(b.row))
    .map(({ row, runs, figures, ...ratios }) => [
      ROWS[row]?.title ?? row,
      `${ratios.throughput.toFixed(2)} (${ratios.throughputRange.map((x) => x.toFixed(2)).join('–')})`,
      ratios.p50.toFixed(2),
      ratios.cpu.toFixed(2),
      String(Math.round(figures.callsPerSecond)),
      String(Math.round(figures.p50Us)),
      String(Math.round(figures.p99Us)),
      `${totalCpuUs(figures).toFixed(1)} = ${[figures.clientCpuUs, figures.serverCpuUs, figures.brokerCpuUs].map((x) => x.toFixed(1)).join(' + ')}`,
      figures.foreignCores.toFixed(2),
      String(runs),
    ])
  const head = ['row', 'calls/s × (range)', 'p50 c=1 ×', 'CPU/call ×', 'calls/s', 'p50 c=1 µs', 'p99 µs', 'CPU µs client + server + broker', 'foreign', 'runs'] // prettier-ignore
  return `\n${payload}: medians; × is to "${ROWS[floor]?.title}"; 64 callers unless said; foreign: cores that others used\n${table(head, lines)}`
}
