// Encoding and decoding of the order, each codec in a process of its own, one after the other in
// each round: `npm run bench:codec -- --help`.
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { numberFlag, runCommand } from '../command.js'
import { median } from '../statistics.js'
import { goalTable, table, type Goal } from '../table.js'
import type { CodecSample } from './child.js'
import { CODECS } from './codecs.js'

const USAGE = `Usage: npm run bench:codec -- [--rounds 15] [--json]

Encoding and decoding of one order, each codec in a process of its own. CPU time, collection of garbage included. Ratios are of encode + decode, to others in
the same round; medians over the rounds.
`

const names = Object.keys(CODECS)

/** The child's next message. */
async function answerOf(name: string, child: ChildProcess): Promise<unknown> {
  const raced = new AbortController() // takes away the listener that lost
  try {
    const [message] = (await Promise.race([
      once(child, 'message', { signal: raced.signal }),
      once(child, 'exit', { signal: raced.signal }).then(([code]) => {
        throw new Error(`the process of the codec "${name}" ended with ${String(code)}`)
      }),
    ])) as [unknown]
    return message
  } finally {
    raced.abort()
  }
}

/** Samples of each codec, by round. */
async function measure(rounds: number): Promise<ReadonlyMap<string, readonly CodecSample[]>> {
  const children = new Map<string, ChildProcess>()
  const samples = new Map<string, CodecSample[]>(names.map((name) => [name, []]))
  try {
    for (const name of names) {
      const child = fork(new URL('child.js', import.meta.url), [name], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
      children.set(name, child)
      await answerOf(name, child) // one warms up at a time
    }
    for (let round = 0; round < rounds; round++)
      for (const [name, child] of children) {
        child.send('measure')
        samples.get(name)?.push((await answerOf(name, child)) as CodecSample) // child.ts sends it
      }
  } finally {
    for (const child of children.values()) child.kill()
  }
  return samples
}

interface CodecRow extends CodecSample {
  readonly codec: string
  readonly title: string
  readonly timesJson: number
  readonly timesMsgpackr: number
}

function summarize(samples: ReadonlyMap<string, readonly CodecSample[]>): readonly CodecRow[] {
  const sumsOf = (name: string): number[] => (samples.get(name) ?? []).map(({ encodeNs, decodeNs }) => encodeNs + decodeNs)
  const speed = (name: string, base: string): number => {
    const sums = sumsOf(name)
    return median(sumsOf(base).map((sum, round) => sum / (sums[round] ?? Number.NaN)))
  }
  return names.map((name) => {
    const of = samples.get(name) ?? []
    return {
      codec: name,
      title: CODECS[name]?.title ?? name,
      timesJson: speed(name, 'json'),
      timesMsgpackr: speed(name, 'msgpackr'),
      encodeNs: median(of.map(({ encodeNs }) => encodeNs)),
      decodeNs: median(of.map(({ decodeNs }) => decodeNs)),
      bytes: of[0]?.bytes ?? 0,
    }
  })
}

const GOALS = [
  ['JSON', 'timesJson', 4.5],
  ['msgpackr, shared structures', 'timesMsgpackr', 1.7],
] as const

await runCommand({ usage: USAGE, options: { rounds: { type: 'string', default: '15' } } }, async (flags) => {
  const rows = summarize(await measure(numberFlag('rounds', flags.rounds)))
  const own = rows.find(({ codec }) => codec === 'weaver')
  const goals = GOALS.map(([peer, figure, atLeast]): Goal => {
    const reached = own?.[figure] ?? 0
    return { what: `Weaver ÷ ${peer}, speed`, goal: `≥ ${atLeast}`, reached: reached.toFixed(2), isReached: reached >= atLeast }
  })
  if (flags.json) {
    process.stdout.write(`${JSON.stringify({ rows, goals }, null, 2)}\n`)
    return
  }
  process.stdout.write(
    table(
      ['codec', 'speed × JSON', '× msgpackr', 'encode ns', 'decode ns', 'bytes'],
      rows.map((row) => [
        row.title,
        row.timesJson.toFixed(2),
        row.timesMsgpackr.toFixed(2),
        ...[row.encodeNs, row.decodeNs, row.bytes].map((x) => String(Math.round(x))),
      ]),
    ),
  )
  process.stdout.write(`\n${goalTable(goals)}`)
})
