// What a call costs between components of one process, beside the same method called plainly: `npm
// run bench:local -- --help`.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { BenchError, numberFlag, runCommand } from '../command.js'
import { median } from '../statistics.js'
import { goalTable, table, type Goal } from '../table.js'
import type { Allocation, Round } from './messages.js'

const usage = `Usage: npm run bench:local -- [flags]

A call through a ref to a component of the same process (the generated forwarder), as a multiple of an awaited method call of the same class in the same process.

  --rounds N   (default: 15)
  --calls N    of each kind in a round (default: 100000)
  --heap N     calls whose allocations are measured (default: 250000)
  --json       machine-readable
`
/**
 * Room for new objects, in MiB: a quarter of a million calls, of some kilobytes at most, and
 * nothing collected.
 */
const NEW_SPACE_MIB = 1_024
const CHILD = new URL('child.js', import.meta.url)

type Mode = 'time' | 'heap' | 'bare'

async function child(mode: Mode, args: readonly string[], metrics: 'on' | 'off'): Promise<unknown> {
  const execArgv = mode === 'heap' ? ['--expose-gc', `--max-semi-space-size=${NEW_SPACE_MIB}`, `--min-semi-space-size=${NEW_SPACE_MIB}`] : [] // prettier-ignore
  const started = fork(CHILD, [mode, ...args], {
    execArgv,
    env: { ...process.env, WEAVER_METRICS: metrics, WEAVER_LOG_LEVEL: 'error' },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let errors = ''
  started.stderr?.setEncoding('utf8').on('data', (text: string) => (errors += text))
  const [message] = (await Promise.race([
    once(started, 'message'),
    once(started, 'exit').then(([code]) => {
      throw new BenchError(`the process that measures ended with ${String(code)}:\n${errors}`)
    }),
  ])) as [unknown]
  started.kill()
  return message
}

await runCommand(
  {
    usage,
    options: {
      rounds: { type: 'string', default: '15' },
      calls: { type: 'string', default: '100000' },
      heap: { type: 'string', default: '250000' },
    },
  },
  async (flags) => {
    const args = [flags.calls, flags.rounds].map((text, i) => String(numberFlag(i === 0 ? 'calls' : 'rounds', text)))
    const heapArgs = [String(numberFlag('heap', flags.heap))]
    const bare = (await child('bare', args, 'on')) as Round[] // child.ts sends them
    const timed = { defaults: (await child('time', args, 'on')) as Round[], 'metrics off': (await child('time', args, 'off')) as Round[] }
    const allocation = (await child('heap', heapArgs, 'on')) as Allocation
    const withoutWeaverNs = median(bare.map(({ plainNs }) => plainNs))
    const rows = Object.entries(timed).map(([setting, rounds]) => ({
      setting,
      ref: median(rounds.map(({ plainNs, refNs }) => refNs / plainNs)),
      inside: median(rounds.map(({ plainNs, insideNs }) => insideNs / plainNs)),
      plainNs: median(rounds.map(({ plainNs }) => plainNs)),
      refNs: median(rounds.map(({ refNs }) => refNs)),
      insideNs: median(rounds.map(({ insideNs }) => insideNs)),
    }))
    const heap = allocation.ref.made / allocation.plain.made
    const goals: readonly Goal[] = [
      ...rows.map(({ setting, ref }): Goal => {
        const atMost = setting === 'defaults' ? 1.2 : 1.05
        return {
          what: `call through a ref ÷ plain call, ${setting}`,
          goal: `≤ ${atMost}`,
          reached: ref.toFixed(2),
          isReached: ref <= atMost,
        }
      }),
      { what: 'memory that calls allocate ÷ plain calls', goal: '≤ 1.05', reached: heap.toFixed(2), isReached: heap <= 1.05 },
    ]
    if (flags.json) {
      process.stdout.write(`${JSON.stringify({ withoutWeaverNs, rows, allocation, goals }, null, 2)}\n`)
      return
    }
    const ns = (value: number): string => value.toFixed(0)
    process.stdout.write(
      table(
        ['setting', 'ref × plain', 'in a call × plain', 'plain ns', 'ref ns', 'in a call ns'],
        rows.map((row) => [row.setting, row.ref.toFixed(2), row.inside.toFixed(2), ns(row.plainNs), ns(row.refNs), ns(row.insideNs)]),
      ),
    )
    process.stdout.write(`plain call in a process without Weaver: ${ns(withoutWeaverNs)} ns\n\n`)
    process.stdout.write(
      table(
        ['bytes of a call', 'allocated', 'kept'],
        [
          ['plain, before any context', allocation.before.made.toFixed(1), allocation.before.kept.toFixed(2)],
          ['plain', allocation.plain.made.toFixed(1), allocation.plain.kept.toFixed(2)],
          ['ref', allocation.ref.made.toFixed(1), allocation.ref.kept.toFixed(2)],
        ],
      ),
    )
    process.stdout.write(`\n${goalTable(goals)}`)
  },
)
