import { createWeightedChoice } from './weighted-choice.js'

it.each([[[90, 10]], [[50, 50]], [[1, 1, 1]], [[70, 20, 10]], [[97, 1, 1, 1]], [[5, 0, 3]], [[13, 8, 5, 3, 2, 1, 1]], [[999_999, 1]]])(
  'gives each its share within less than one turn, at every moment: %j',
  (weights) => {
    const choice = createWeightedChoice(weights)
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    const taken = weights.map(() => 0)
    let worst = 0
    for (let turn = 1; turn <= 5_000; turn++) {
      const index = choice.next()
      taken[index] = (taken[index] ?? 0) + 1
      for (const [i, weight] of weights.entries()) worst = Math.max(worst, Math.abs((taken[i] ?? 0) - (turn * weight) / total))
    }
    expect(worst).toBeLessThan(1)
    expect(taken.filter((_, i) => weights[i] === 0)).toEqual(weights.filter((weight) => weight === 0))
  },
)

it('has nobody to choose where no weight is above 0', () => {
  expect(createWeightedChoice([]).next()).toBe(-1)
  expect(createWeightedChoice([0, 0]).next()).toBe(-1)
  expect(createWeightedChoice([0, 7]).next()).toBe(1)
})
