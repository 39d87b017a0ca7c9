import * as fc from 'fast-check'
import { ModelReplica, type ModelMethod } from '../testing/call-tree.js'
import { binomial, mulberry32, type Random } from '../testing/random.js'
import { Comparison, FALSE_ALARM_RATE } from './comparison.js'
import { quantileOf, slower } from './latency.js'
import { Increments, type MethodReading, type ReplicaReading } from './readings.js'
import type { AnalysisLimits, Verdict } from './verdict.js'

const LIMITS: AnalysisLimits = { maxErrorRateIncrease: 0.01, maxLatencyFactor: 1.5, minSamples: 50 }
/** Requests per second to the whole application; three in ten reach the checkout. */
const RATE = 500
/** The ramp of five minutes, without its last step, at which nothing is left to compare with. */
const WEIGHTS = [10, 25, 50, 75] as const
const HOLD_S = 60
const LOOK_S = 10

/** A web shop: the component at fault is called by one that is called by the one users reach. */
function shop(change: (component: string) => Partial<ModelMethod> = () => ({})): readonly ModelMethod[] {
  const made: ModelMethod[] = []
  const add = (name: string, parent: ModelMethod | undefined, of: Partial<ModelMethod> = {}): ModelMethod => {
    const [component = '', method = ''] = name.split('.')
    const base = { component, method, share: 1, errors: 0.001, median: 0.004, sigma: 0.4, ...of, ...change(name) }
    const one = parent === undefined ? base : { ...base, parent }
    made.push(one)
    return one
  }
  const home = add('Frontend.home', undefined, { errors: 0.002 })
  const cart = add('Frontend.checkout', undefined, { share: 0.3 })
  const list = add('Catalog.list', home)
  add('Ads.pick', home, { errors: 0.02, sigma: 1 })
  const order = add('Checkout.order', cart)
  add('Stock.reserve', order)
  add('Payment.charge', order, { errors: 0.005, median: 0.06, sigma: 0.7 })
  add('Catalog.get', order)
  add('Search.rank', list, { median: 0.012 })
  add('Prices.convert', list, { share: 0.8, median: 0.0004 })
  return made
}

interface Life {
  readonly preview: readonly ModelMethod[]
  readonly seed: number
}
interface End {
  readonly verdict: Verdict
  /** Share of traffic that the preview had at the end, percent. */
  readonly weight: number
}

/** One rollout, looked at every few seconds, to its end or its first alarm. */
function rollOut({ preview, seed }: Life): End {
  const random = mulberry32(seed)
  const active = [0, 1].map((i) => new ModelReplica(`a${i}`, shop(), random))
  const candidates = [0, 1].map((i) => new ModelReplica(`p${i}`, preview, random))
  let verdict: Verdict = { kind: 'inconclusive', why: 'unreadable', reason: 'nothing was read' }
  for (const [i, weight] of WEIGHTS.entries()) {
    const comparison = new Comparison({ limits: LIMITS, window: i + 1 })
    for (let at = 0; at <= HOLD_S; at += LOOK_S) {
      comparison.add({ active: active.map((one) => one.read()), preview: candidates.map((one) => one.read()) })
      verdict = comparison.verdict()
      if (verdict.kind === 'fail') return { verdict, weight }
      const requests = arrivals(random)
      const share = binomial(random, requests, weight / 100)
      for (const [replicas, all] of [
        [candidates, share],
        [active, requests - share],
      ] as const)
        // prettier-ignore
        for (const [k, one] of replicas.entries()) one.serve(k === 0 ? Math.floor(all / 2) : Math.ceil(all / 2))
    }
  }
  return { verdict, weight: 100 }
}

function arrivals(random: Random): number {
  return binomial(random, 100_000, (RATE * LOOK_S) / 100_000)
}

describe('what a process has counted', () => {
  const reading = (replica: string, calls: number, errors: number, buckets: readonly number[] = [calls, 0]): ReplicaReading => ({
    replica,
    methods: [{ caller: 'weaver/Main', component: 'shop/Cart', method: 'add', calls, errors, latency: { bounds: [0.01], buckets } }],
  })
  const counted = (methods: readonly MethodReading[]): unknown =>
    methods.map(({ calls, errors, latency }) => [calls, errors, latency?.buckets])

  it('is what was added since the last look; at first sight nothing, and after a restart all of it', () => {
    const increments = new Increments()
    expect(increments.take([reading('a', 1_000, 7)])).toEqual([])
    expect(counted(increments.take([reading('a', 1_010, 8, [1_004, 6]), reading('b', 500, 0)]))).toEqual([[10, 1, [4, 6]]])
    expect(counted(increments.take([reading('b', 501, 0)]))).toEqual([[1, 0, [1, 0]]]) // the other did not answer
    expect(counted(increments.take([reading('a', 30, 2), reading('b', 501, 0)]))).toEqual([
      [30, 2, [30, 0]],
      [0, 0, [0, 0]],
    ])
  })
})

describe('latencies in buckets', () => {
  const histogram = fc
    .array(fc.nat({ max: 50 }), { minLength: 6, maxLength: 6 })
    .map((buckets) => ({ bounds: [0.001, 0.002, 0.005, 0.01, 0.02], buckets }))

  it('of one and the same distribution are never slower than themselves, whatever the factor', () => {
    fc.assert(
      fc.property(
        histogram,
        fc.constantFrom(0.001, 0.002, 0.005, 0.01, 0.02),
        fc.double({ min: 1, max: 10, noNaN: true }),
        (one, bound, factor) => {
          expect(slower(one, bound).hits).toBeLessThanOrEqual(slower(one, bound / factor).hits)
        },
      ),
      { seed: 13 },
    )
  })

  it('have quantiles that ascend and lie within the bounds', () => {
    fc.assert(
      fc.property(histogram, (one) => {
        const quantiles = [0.1, 0.5, 0.95, 1].map((share) => quantileOf(one, share))
        expect(quantiles).toEqual(quantiles.toSorted((a, b) => a - b))
        expect(quantiles.every((value) => value >= 0 && value <= 0.02)).toBe(true)
      }),
      { seed: 13 },
    )
  })
})

describe('a version of which too little is known', () => {
  it('has neither passed nor failed', () => {
    const active = new ModelReplica('a', shop(), mulberry32(1))
    const preview = new ModelReplica(
      'p',
      shop(() => ({ errors: 1 })),
      mulberry32(2),
    )
    const comparison = new Comparison({ limits: LIMITS, window: 1 })
    const look = (): Verdict => {
      comparison.add({ active: [active.read()], preview: [preview.read()] })
      return comparison.verdict()
    }
    active.serve(100)
    preview.serve(1)
    expect(look()).toMatchObject({ kind: 'inconclusive', samples: { active: 0, preview: 0 } })
    active.serve(400)
    preview.serve(49)
    expect(look()).toEqual({ kind: 'inconclusive', why: 'samples', samples: { active: 400, preview: 49 }, needed: 50 })
  })
})

describe('simulated rollouts', () => {
  const say = (text: string): void => void process.stderr.write(`${text}\n`)
  const names = (ends: readonly End[]): readonly string[] =>
    ends.map(({ verdict }) =>
      verdict.kind === 'fail' ? `${verdict.blame.component}.${verdict.blame.method}: ${verdict.blame.what}` : verdict.kind,
    )

  it('of a healthy version raise no more false alarms than stated', () => {
    const runs = 200
    const ends = Array.from({ length: runs }, (_, i) => rollOut({ preview: shop(), seed: 1_000 + i }))
    const alarms = ends.filter(({ verdict }) => verdict.kind === 'fail').length
    say(`false alarms: ${alarms} of ${runs} healthy rollouts, at a stated rate of ${FALSE_ALARM_RATE}`)
    expect(alarms).toBeLessThanOrEqual(runs * FALSE_ALARM_RATE)
    expect(new Set(ends.map(({ verdict }) => verdict.kind))).toEqual(new Set(['pass']))
  })

  it.each([
    ['5 % errors', 'Stock.reserve', { errors: 0.05 }, 'Stock.reserve: errors'],
    ['3 times the latency', 'Stock.reserve', { median: 0.012 }, 'Stock.reserve: latency'],
  ] as const)('of a version with %s in %s are given up before 25 %% of traffic, with the right blame', (what, where, fault, blame) => {
    const runs = 50
    const preview = shop((name) => (name === where ? fault : {}))
    const ends = Array.from({ length: runs }, (_, i) => rollOut({ preview, seed: 5_000 + i }))
    const early = ends.filter(({ weight }) => weight < 25).length
    const right = names(ends).filter((name) => name === blame).length
    say(
      `${what} in ${where} at ${RATE} requests/s, of which ${0.3 * RATE} reach it: ${early} of ${runs} given up before 25 %, ${right} with the right blame`,
    )
    expect(early).toBeGreaterThanOrEqual(runs * 0.95)
    expect(right).toBeGreaterThanOrEqual(runs * 0.95)
  })
})
