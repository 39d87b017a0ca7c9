/**
 * The one property that everything rests on: under every member of the null hypothesis, the factor
 * by which a block multiplies the evidence has an expectation of at most 1.
 */
import * as fc from 'fast-check'
import { Evidence, logGrowth, logMean } from './evidence.js'

const rate = fc.double({ min: 0, max: 1, noNaN: true })

describe('a block of calls', () => {
  it('is not expected to add evidence while the preview is within the tolerance, whatever was expected before', () => {
    const cases = fc.record({
      tolerance: fc.double({ min: 0, max: 0.3, noNaN: true }),
      expected: fc.record({ active: rate, preview: rate }),
      calls: fc.record({ active: fc.integer({ min: 0, max: 12 }), preview: fc.integer({ min: 0, max: 12 }) }),
      active: rate,
      part: rate,
    })
    fc.assert(
      fc.property(cases, ({ tolerance, expected, calls, active, part }) => {
        const truth = { active, preview: Math.min(1, active + tolerance) * part }
        let mean = 0
        for (let a = 0; a <= calls.active; a++)
          for (let p = 0; p <= calls.preview; p++) {
            const block = { active: { calls: calls.active, hits: a }, preview: { calls: calls.preview, hits: p } }
            const probability = chance(calls.active, a, truth.active) * chance(calls.preview, p, truth.preview)
            if (probability > 0) mean += probability * Math.exp(logGrowth(block, expected, tolerance))
          }
        expect(mean).toBeLessThanOrEqual(1 + 1e-9)
      }),
      { seed: 13, numRuns: 400 },
    )
  })

  it('adds evidence when the preview does fail more often, and takes it away when it does not', () => {
    const grown = (hits: number): number => {
      const evidence = new Evidence(0.01)
      for (let i = 0; i < 20; i++) evidence.add({ calls: 450, hits: 1 }, { calls: 50, hits })
      return evidence.log
    }
    expect(grown(3)).toBeGreaterThan(Math.log(1e6))
    expect(grown(0)).toBeLessThan(0)
  })

  it('says nothing where only one version was called', () => {
    const block = { active: { calls: 0, hits: 0 }, preview: { calls: 100, hits: 100 } }
    expect(logGrowth(block, { active: 0.01, preview: 0.5 }, 0.01)).toBeCloseTo(0, 6)
  })
})

it('the mean of numbers that are given by their logarithms does not overflow', () => {
  expect(logMean([1_000, 1_000])).toBeCloseTo(1_000)
  expect(logMean([Math.log(1), Math.log(3)])).toBeCloseTo(Math.log(2))
})

function chance(n: number, k: number, p: number): number {
  let ways = 1
  for (let i = 0; i < k; i++) ways = (ways * (n - i)) / (i + 1)
  return ways * p ** k * (1 - p) ** (n - k)
}
