// A chain of components, each of which calls the next, in the three ways in which they can run:
// `npm run bench:chain -- --help`.
import { RUNNERS, weaverTest, type Runner } from '@weaver/testing'
import { numberFlag, runCommand, UsageError } from '../command.js'
import { CALLERS, inParallel } from '../rpc/measure.js'
import { median } from '../statistics.js'
import { table } from '../table.js'
import { weaver } from '../weaver.gen.js'
import { Ping1, type Ping } from './ping.js'

const LENGTHS = [1, 2, 5, 10] as const
const usage = `Usage: npm run bench:chain -- [flags]

A call that goes through 1, 2, 5 and 10 components, each of which calls the next and waits for it:
  local  all in this process, calls as method calls
  rpc    all in this process, every call over the broker
  multi  every component in a process of its own

  --runners LIST  (default: ${RUNNERS.join(',')})
  --calls N       of a single caller, for each length (default: 1000)
  --seconds N     with ${CALLERS} callers (default: 1.5)
  --json          machine-readable
Needs nats-server on the PATH. No ratio: with \`multi\` there are more processes than cores.
`
const ENTRY = new URL('../main.js', import.meta.url)
const WARM_UP_CALLS = 2_000

interface ChainRow {
  readonly runner: Runner
  readonly length: number
  /** Of a single caller, microseconds. */
  readonly p50Us: number
  /** With 64 callers; each is `length` calls between components. */
  readonly chainsPerSecond: number
}

async function measureChain(
  ping: Ping,
  length: number,
  { calls, seconds }: { readonly calls: number; readonly seconds: number },
): Promise<Omit<ChainRow, 'runner'>> {
  // prettier-ignore
  let left = WARM_UP_CALLS
  const call = (): Promise<number> => ping.ping(length)
  await inParallel(CALLERS, () => left-- > 0, call)
  const single: number[] = []
  for (let i = 0; i < calls; i++) {
    const start = performance.now()
    const went = await call()
    single.push(performance.now() - start)
    if (went !== length) throw new Error(`the chain went through ${went} components instead of ${length}`)
  }
  let made = 0
  const started = performance.now()
  const until = started + seconds * 1_000
  await inParallel(CALLERS, () => performance.now() < until, async () => {
    await call()
    made++
  }) // prettier-ignore
  return { length, p50Us: median(single) * 1_000, chainsPerSecond: (made * 1_000) / (performance.now() - started) }
}

await runCommand(
  {
    usage,
    needs: 'nats-server',
    options: {
      runners: { type: 'string', default: RUNNERS.join(',') },
      calls: { type: 'string', default: '1000' },
      seconds: { type: 'string', default: '1.5' },
    },
  },
  async (flags) => {
    const limits = { calls: numberFlag('calls', flags.calls), seconds: numberFlag('seconds', flags.seconds, 0.05) }
    const runners = flags.runners.split(',').map((name) => {
      const runner = RUNNERS.find((known) => known === name)
      if (runner === undefined) throw new UsageError(`there is no runner "${name}"; use ${RUNNERS.join(', ')}`)
      return runner
    })
    const rows: ChainRow[] = []
    for (const runner of runners)
      await weaverTest({ weaver, runner, entry: ENTRY, extraRuns: 0 }, async (test) => {
        for (const length of LENGTHS) {
          process.stderr.write(`${runner}, ${length}\n`)
          rows.push({ runner, ...(await measureChain(test.get(Ping1), length, limits)) })
        }
      })
    if (flags.json) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`)
    else
      process.stdout.write(
        table(
          ['runner', 'components', 'p50 c=1 µs', 'chains/s c=64', 'calls/s c=64'],
          rows.map(({ runner, length, p50Us, chainsPerSecond }) => [runner, String(length), p50Us.toFixed(p50Us < 10 ? 1 : 0), chainsPerSecond.toFixed(0), (chainsPerSecond * length).toFixed(0)]),
        ), // prettier-ignore
      )
  },
)
