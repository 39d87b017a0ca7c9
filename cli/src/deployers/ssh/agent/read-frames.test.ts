import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { readFrames } from './read-frames.js'

async function read(chunks: readonly Uint8Array[]): Promise<{ readonly frames: readonly object[]; readonly broken: readonly string[] }> {
  const [frames, broken]: [object[], string[]] = [[], []]
  const stream = new PassThrough()
  readFrames<object>(
    stream,
    (frame) => frames.push(frame),
    (line) => broken.push(line),
  )
  for (const chunk of chunks) stream.write(chunk)
  stream.end()
  await once(stream, 'close')
  return { frames, broken }
}

it('gives out whole lines, wherever the stream is cut, and drops the rest', async () => {
  const sent = [{ text: 'ü\u2028\r' }, { text: '' }, { text: '€'.repeat(10) }]
  const bytes = Buffer.from(sent.map((one) => `${JSON.stringify(one)}\n`).join(''))
  const ends = [...bytes.keys()].filter((i) => bytes[i] === 10)
  for (let cut = 0; cut <= bytes.length; cut++) {
    const whole = sent.slice(0, ends.filter((end) => end < cut).length)
    expect(await read([bytes.subarray(0, cut)])).toEqual({ frames: whole, broken: [] })
    expect(await read([bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual({ frames: sent, broken: [] })
  }
})

it.each(['Welcome to build-1', 'null', '42', '{"a":', ''])('reads nothing after the line %j', async (line) => {
  expect(await read([Buffer.from(`{"a":1}\n${line}\n{"a":2}\n`), Buffer.from('{"a":3}\n')])).toEqual({ frames: [{ a: 1 }], broken: [line] })
})
