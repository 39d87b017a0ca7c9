import { rateSampler } from './rate-sampler.js'
import { formatTraceparent, parseTraceparent, unsampledTrace, usableTracestate } from './trace-context.js'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'

describe('a traceparent', () => {
  it('is read and written', () => {
    for (const flags of ['00', '01']) {
      const text = `00-${TRACE}-${SPAN}-${flags}`
      const ids = parseTraceparent(text)
      expect(ids).toEqual({ traceId: TRACE, spanId: SPAN, isSampled: flags === '01' })
      expect(ids && formatTraceparent(ids)).toBe(text)
    }
    expect(parseTraceparent(`cc-${TRACE}-${SPAN}-03-of-a-later-version`)).toEqual({ traceId: TRACE, spanId: SPAN, isSampled: true })
    expect(parseTraceparent(formatTraceparent(unsampledTrace()))?.isSampled).toBe(false)
  })

  it.each([
    undefined,
    '',
    'garbage',
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${TRACE}-${SPAN}-01\n`,
  ])('that is %j counts as none', (text) => {
    expect(parseTraceparent(text)).toBeUndefined()
  })

  it('comes with a tracestate that is dropped when it is too long', () => {
    expect([usableTracestate('a=b'), usableTracestate(''), usableTracestate('a'.repeat(513))]).toEqual(['a=b', undefined, undefined])
  })
})

describe('sampling by rate', () => {
  it('lets about so many through in a second, at irregular times', () => {
    let now = 0
    let seed = 1
    const random = (): number => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647
    const take = rateSampler(2, { now: () => now, random })
    const taken: number[] = []
    for (; now < 100_000; now++) if (take()) taken.push(now)
    expect(taken.length).toBeGreaterThan(150)
    expect(taken.length).toBeLessThan(250)
    expect(new Set(taken.map((at, i) => at - (taken[i - 1] ?? 0))).size).toBeGreaterThan(50)
  })

  it('lets nothing or everything through when told so', () => {
    expect([rateSampler(0)(), rateSampler(NaN)(), rateSampler(Infinity)(), rateSampler(Infinity)()]).toEqual([false, false, true, true])
  })
})
