// What calls between two processes keep of their memory: `npm run bench:memory -- --help`.
import { setTimeout as sleep } from 'node:timers/promises'
import { startNatsServer } from '@weaver/testing'
import { numberFlag, runCommand } from '../command.js'
import { goalTable, table, type Goal } from '../table.js'
import { Measured } from './process.js'

const usage = `Usage: npm run bench:memory -- [flags]

Memory of a process that calls and of one that answers, over one nats-server:
  growth      what a million calls, made and answered, leave behind
  concurrent  what 10,000 calls that wait for their answers take, over idle
  flood       a caller that makes calls much faster than the callee can answer them

  --calls N       of growth, in two windows (default: 1000000)
  --concurrent N  calls that wait at once, 10000 at most (default: 10000)
  --hold N        seconds for which they wait (default: 6)
  --flood N       calls of the flood (default: 300000)
  --json          machine-readable
Live: in use when the garbage is collected. Resident: memory of the machine, garbage and all. Needs nats-server on the PATH, and Linux.
`
const MIB = 1_048_576
const WARM_UP = 100_000
/** A call of the flood takes so long. */
const FLOOD_MS = 1_000
const FLOOD_PER_TURN = 200
const LOOK_MS = 50
/** Below it is noise of the collector, over the second window. */
const GROWTH_BYTES = MIB
const CONCURRENT_BYTES = 40 * MIB
/** The end of a flood may take so much more than its middle. */
const PLATEAU = 1.1

interface Sides<T> {
  readonly client: T
  readonly server: T
}
interface Memory {
  readonly live: number
  readonly resident: number
}

async function withSides<R>(body: (sides: Sides<Measured>) => Promise<R>): Promise<R> {
  const nats = await startNatsServer()
  const started: Measured[] = []
  try {
    const server = await Measured.start('serve', nats.url)
    started.push(server)
    const client = await Measured.start('call', nats.url)
    started.push(client)
    return await body({ client, server })
  } finally {
    for (const process of started) process.kill()
    await nats.stop()
  }
}

async function look(side: Measured): Promise<Memory> {
  const live = await side.ask({ kind: 'live' })
  return { live, resident: side.residentBytes() }
}
const both = async ({ client, server }: Sides<Measured>): Promise<Sides<Memory>> => ({ client: await look(client), server: await look(server) }) // prettier-ignore

/** After the warm-up, after half of the calls, after all of them. */
function measureGrowth(calls: number): Promise<readonly Sides<Memory>[]> {
  return withSides(async (sides) => {
    const seen: Sides<Memory>[] = []
    for (const count of [Math.min(WARM_UP, calls), calls / 2, calls / 2]) {
      await sides.client.ask({ kind: 'calls', count })
      seen.push(await both(sides))
    }
    return seen
  })
}

function measureConcurrent(count: number, holdMs: number): Promise<Sides<{ readonly idle: Memory; readonly busy: Memory }>> {
  return withSides(async (sides) => {
    await sides.client.ask({ kind: 'calls', count: 1_000 })
    const idle = await both(sides)
    const { client, server } = sides
    const flood = client.ask({ kind: 'flood', count, ms: holdMs, perTurn: 1_000 })
    await sleep(holdMs / 3)
    const busy = await both({ client, server })
    const ended = await flood
    if (ended['answered'] !== count) throw new Error(`not every call was answered: ${JSON.stringify(ended)}`)
    return { client: { idle: idle.client, busy: busy.client }, server: { idle: idle.server, busy: busy.server } }
  })
}

interface Flood {
  readonly seconds: number
  readonly ended: Readonly<Record<string, number>>
  /** Most resident memory by quarter of the time. */
  readonly quarters: Sides<readonly number[]>
}

function measureFlood(count: number): Promise<Flood> {
  return withSides(async ({ client, server }) => {
    await client.ask({ kind: 'calls', count: WARM_UP / 10 })
    const seen: Sides<number>[] = []
    const started = performance.now()
    const over = new AbortController()
    const flood = client.ask({ kind: 'flood', count, ms: FLOOD_MS, perTurn: FLOOD_PER_TURN }).finally(() => over.abort())
    while (!over.signal.aborted) {
      seen.push({ client: client.residentBytes(), server: server.residentBytes() })
      await sleep(LOOK_MS)
    }
    const ended = await flood
    const quarter = (side: keyof Sides<number>): readonly number[] =>
      [0, 1, 2, 3].map((i) => Math.max(...seen.slice(Math.floor((i * seen.length) / 4), Math.ceil(((i + 1) * seen.length) / 4)).map((at) => at[side]))) // prettier-ignore
    return { seconds: (performance.now() - started) / 1_000, ended, quarters: { client: quarter('client'), server: quarter('server') } }
  })
}

await runCommand(
  {
    usage,
    needs: 'nats-server',
    options: {
      calls: { type: 'string', default: '1000000' },
      concurrent: { type: 'string', default: '10000' },
      hold: { type: 'string', default: '6' },
      flood: { type: 'string', default: '300000' },
    },
  },
  async (flags) => {
    const growth = await measureGrowth(numberFlag('calls', flags.calls, 2))
    const concurrent = await measureConcurrent(numberFlag('concurrent', flags.concurrent), numberFlag('hold', flags.hold) * 1_000)
    const flood = await measureFlood(numberFlag('flood', flags.flood))
    const sides = ['client', 'server'] as const
    const mib = (bytes: number): string => (bytes / MIB).toFixed(1)
    const left = (side: keyof Sides<Memory>): number => (growth[2]?.[side].live ?? 0) - (growth[1]?.[side].live ?? 0)
    const over = (side: keyof Sides<Memory>, what: keyof Memory): number => concurrent[side].busy[what] - concurrent[side].idle[what]
    const plateau = (side: keyof Sides<Memory>): number =>
      (flood.quarters[side][3] ?? 0) / Math.max(flood.quarters[side][1] ?? 1, flood.quarters[side][2] ?? 1)
    const goals: readonly Goal[] = [
      ...sides.map((side): Goal => ({ what: `growth over the last half of ${flags.calls} calls, ${side}`, goal: '< 1 MiB', reached: `${mib(left(side))} MiB`, isReached: left(side) < GROWTH_BYTES })),
      ...sides.map((side): Goal => ({ what: `${flags.concurrent} concurrent calls over idle, resident, ${side}`, goal: '≤ 40 MiB', reached: `${mib(over(side, 'resident'))} MiB`, isReached: over(side, 'resident') <= CONCURRENT_BYTES })),
      ...sides.map((side): Goal => ({ what: `flood: last quarter ÷ the two before, ${side}`, goal: `≤ ${PLATEAU}`, reached: plateau(side).toFixed(2), isReached: plateau(side) <= PLATEAU })),
    ] // prettier-ignore
    if (flags.json) {
      process.stdout.write(`${JSON.stringify({ growth, concurrent, flood, goals }, null, 2)}\n`)
      return
    }
    process.stdout.write(`growth, MiB\n`)
    process.stdout.write(
      table(
        ['', 'live: warm', 'half', 'all', 'resident: warm', 'half', 'all'],
        sides.map((side) => [side, ...(['live', 'resident'] as const).flatMap((what) => growth.map((at) => mib(at[side][what])))]),
      ),
    )
    process.stdout.write(`\n${flags.concurrent} concurrent calls, MiB over idle\n`)
    process.stdout.write(table(['', 'live', 'resident'], sides.map((side) => [side, mib(over(side, 'live')), mib(over(side, 'resident'))]))) // prettier-ignore
    process.stdout.write(`\nflood of ${flags.flood} calls of ${FLOOD_MS} ms in ${flood.seconds.toFixed(1)} s: ${Object.entries(flood.ended).map(([how, times]) => `${times} ${how}`).join(', ')}\nmost resident memory by quarter of the time, MiB\n`) // prettier-ignore
    process.stdout.write(table(['', '1st', '2nd', '3rd', '4th'], sides.map((side) => [side, ...flood.quarters[side].map(mib)]))) // prettier-ignore
    process.stdout.write(`\n${goalTable(goals)}`)
  },
)
