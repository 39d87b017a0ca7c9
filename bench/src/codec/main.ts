// Encoding and decoding of the order, each codec in turn in one process, rounds one after the other: `npm run bench:codec -- --help`.
import { deserialize, serialize } from 'node:v8'
import { Reader, Writer, type MethodBinding } from '@weaver/sdk/internal'
import { Packr } from 'msgpackr'
import { numberFlag, runCommand } from '../command.js'
import { ORDER_JSON } from '../order-json.js'
import { ORDER, type Order } from '../order.js'
import { median } from '../statistics.js'
import { goalTable, table, type Goal } from '../table.js'
import { weaver } from '../weaver.gen.js'

const usage = `Usage: npm run bench:codec -- [flags]

Encoding and decoding of the order, codecs in turn in one process. Ratios are to JSON in the same round; medians over the rounds.

  --rounds N  (default: 7)
  --json      machine-readable
`

interface Codec {
  readonly title: string
  encode(order: Order): Uint8Array | string
  decode(bytes: Uint8Array | string): unknown
}

const generated = weaver
  .components()
  .find(({ token }) => token.name === 'bench/Echo')
  ?.methods.find(({ name }) => name === 'order') as MethodBinding // of echo.ts
const writer = new Writer()
const packr = new Packr({ structures: [], moreTypes: true, int64AsType: 'bigint' })
const CODECS: Readonly<Record<string, Codec>> = {
  json: {
    title: 'JSON (of a twin that it can carry)',
    encode: () => JSON.stringify(ORDER_JSON),
    decode: (text) => JSON.parse(text as string) as unknown,
  },
  weaver: {
    title: 'Weaver, generated',
    encode(order) {
      generated.encodeResult(writer, order)
      return writer.finish()
    },
    decode: (bytes) => generated.decodeResult(new Reader(bytes as Uint8Array)),
  },
  msgpackr: {
    title: 'msgpackr, shared structures',
    encode: (order) => packr.pack(order),
    decode: (bytes) => packr.unpack(bytes as Uint8Array) as unknown,
  },
  v8: { title: 'v8.serialize', encode: (order) => serialize(order), decode: (bytes) => deserialize(bytes as Uint8Array) as unknown },
}

const LOOP = 20_000
/** Nanoseconds for one run of `body`. */
function time(body: () => unknown): number {
  let kept: unknown
  const start = process.hrtime.bigint()
  for (let i = 0; i < LOOP; i++) kept = body()
  const spent = Number(process.hrtime.bigint() - start)
  if (kept === undefined) throw new Error('nothing was made')
  return spent / LOOP
}

interface CodecRow {
  readonly codec: string
  readonly title: string
  /** Encoding and decoding together, as multiples of JSON's and msgpackr's speed. */
  readonly timesJson: number
  readonly timesMsgpackr: number
  readonly encodeNs: number
  readonly decodeNs: number
  readonly bytes: number
}

function measure(rounds: number): readonly CodecRow[] {
  const runs: Record<string, { encode: number[]; decode: number[] }> = Object.fromEntries(
    Object.keys(CODECS).map((name) => [name, { encode: [], decode: [] }]),
  )
  for (let round = -1; round < rounds; round++)
    for (const [name, codec] of Object.entries(CODECS)) {
      const bytes = codec.encode(ORDER)
      const encode = time(() => codec.encode(ORDER))
      const decode = time(() => codec.decode(bytes))
      // The first round is for the compiler.
      if (round < 0) continue
      runs[name]?.encode.push(encode)
      runs[name]?.decode.push(decode)
    }
  const sumsOf = (name: string): readonly number[] => (runs[name]?.encode ?? []).map((ns, i) => ns + (runs[name]?.decode[i] ?? 0))
  const multiple = (name: string, peer: string): number => median(sumsOf(name).map((sum, i) => (sumsOf(peer)[i] ?? 0) / sum))
  return Object.entries(CODECS).map(([name, codec]) => ({
    codec: name,
    title: codec.title,
    timesJson: multiple(name, 'json'),
    timesMsgpackr: multiple(name, 'msgpackr'),
    encodeNs: median(runs[name]?.encode ?? []),
    decodeNs: median(runs[name]?.decode ?? []),
    bytes: Buffer.byteLength(codec.encode(ORDER) as Uint8Array),
  }))
}

await runCommand({ usage, options: { rounds: { type: 'string', default: '7' } } }, async (flags) => {
  const rows = measure(numberFlag('rounds', flags.rounds))
  const own = rows.find(({ codec }) => codec === 'weaver')
  const goals = ([['JSON', own?.timesJson, 4.5], ['msgpackr, shared structures', own?.timesMsgpackr, 1.7]] as const).map(([peer, reached = 0, atLeast]): Goal => ({ what: `Weaver ÷ ${peer}, speed`, goal: `≥ ${atLeast}`, reached: reached.toFixed(2), isReached: reached >= atLeast })) // prettier-ignore
  if (flags.json) {
    process.stdout.write(`${JSON.stringify({ rows, goals }, null, 2)}\n`)
    return
  }
  process.stdout.write(
    table(
      ['codec', 'speed × JSON', '× msgpackr', 'encode ns', 'decode ns', 'bytes'],
      rows.map((row) => [row.title, row.timesJson.toFixed(2), row.timesMsgpackr.toFixed(2), ...[row.encodeNs, row.decodeNs, row.bytes].map((x) => String(Math.round(x)))]),
    ), // prettier-ignore
  )
  process.stdout.write(`\n${goalTable(goals)}`)
})
