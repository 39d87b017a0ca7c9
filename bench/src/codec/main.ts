// Encoding and decoding of the order, each codec in turn in one process, rounds one after the other: `npm run bench:codec -- --help`.
import { parseArgs } from 'node:util'
import { deserialize, serialize } from 'node:v8'
import { Reader, Writer, type MethodBinding } from '@weaver/sdk/internal'
import { Packr } from 'msgpackr'
import { ORDER_JSON } from '../order-json.js'
import { ORDER, type Order } from '../order.js'
import { median } from '../statistics.js'
import { weaver } from '../weaver.gen.js'

const { values: flags } = parseArgs({
  options: { rounds: { type: 'string', default: '7' }, json: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h' } },
})
if (flags.help === true) {
  process.stdout.write(
    'Usage: npm run bench:codec -- [--rounds 7] [--json]\nRatios are to JSON in the same round; medians over the rounds.\n',
  )
  process.exit(0)
}

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

const runs: Record<string, { encode: number[]; decode: number[] }> = Object.fromEntries(
  Object.keys(CODECS).map((name) => [name, { encode: [], decode: [] }]),
)
for (let round = -1; round < Number(flags.rounds); round++)
  for (const [name, codec] of Object.entries(CODECS)) {
    const bytes = codec.encode(ORDER)
    const encode = time(() => codec.encode(ORDER))
    const decode = time(() => codec.decode(bytes))
    // The first round is for the compiler.
    if (round >= 0) {
      runs[name]?.encode.push(encode)
      runs[name]?.decode.push(decode)
    }
  }

const rows = Object.entries(CODECS).map(([name, codec]) => {
  const { encode, decode } = runs[name] ?? { encode: [], decode: [] }
  const sums = encode.map((ns, i) => ns + (decode[i] ?? 0))
  const json = runs['json']
  const ratios = sums.map((sum, i) => ((json?.encode[i] ?? 0) + (json?.decode[i] ?? 0)) / sum)
  return {
    codec: name,
    title: codec.title,
    speed: median(ratios),
    encodeNs: median(encode),
    decodeNs: median(decode),
    bytes: Buffer.byteLength(codec.encode(ORDER) as Uint8Array),
  }
})
if (flags.json) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`)
else {
  process.stdout.write(
    `${'codec'.padEnd(36)} ${['speed × JSON', 'encode ns', 'decode ns', 'bytes'].map((h) => h.padStart(12)).join(' ')}\n`,
  )
  for (const row of rows)
    process.stdout.write(
      `${row.title.padEnd(36)} ${row.speed.toFixed(2).padStart(12)} ${[row.encodeNs, row.decodeNs, row.bytes].map((x) => Math.round(x).toString().padStart(12)).join(' ')}\n`,
    )
}
