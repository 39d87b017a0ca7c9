// One codec in a process of its own: `child.js CODEC`. For each message that it gets it measures
// once and answers with a CodecSample.
import assert from 'node:assert'
import { ORDER } from '../order.js'
import { CODECS } from './codecs.js'

export interface CodecSample {
  readonly encodeNs: number
  readonly decodeNs: number
  readonly bytes: number
}

const WARM_UP = 20_000
const LOOP = 10_000

const codec = CODECS[process.argv[2] ?? '']
if (codec === undefined) throw new Error(`there is no codec "${process.argv[2] ?? ''}"`)
const bytes = codec.encode(ORDER)
if (codec !== CODECS['json']) assert.deepStrictEqual(codec.decode(bytes), ORDER)

/**
 * CPU time of one run of `body`, collection of garbage included. Not the time on the clock: others
 * may use the machine.
 */
function cpuNs(body: () => unknown, loop: number): number {
  let kept: unknown
  const before = process.cpuUsage()
  for (let i = 0; i < loop; i++) kept = body()
  const { user, system } = process.cpuUsage(before)
  assert(kept !== undefined)
  return ((user + system) * 1_000) / loop
}

const encode = (): unknown => codec.encode(ORDER)
const decode = (): unknown => codec.decode(bytes)
cpuNs(encode, WARM_UP)
cpuNs(decode, WARM_UP)

process.on('message', () => {
  const sample: CodecSample = { encodeNs: cpuNs(encode, LOOP), decodeNs: cpuNs(decode, LOOP), bytes: Buffer.byteLength(bytes) }
  process.send?.(sample)
})
process.send?.('ready')
