import { RetryBudget } from './retry-budget.js'

/** How many retries it grants at this moment. */
function granted(budget: RetryBudget, now: number): number {
  let count = 0
  while (budget.spend(now)) count++
  return count
}

describe('the budget of retries of a component', () => {
  it('lets a hundred pass at the start, and no more at that moment', () => {
    expect(granted(new RetryBudget(0), 0)).toBe(100)
  })

  it('grows by a fifth of the calls', () => {
    const budget = new RetryBudget(0)
    granted(budget, 0)
    for (let call = 0; call < 500; call++) budget.earn()
    expect(granted(budget, 0)).toBeGreaterThanOrEqual(99)
    expect(granted(budget, 0)).toBe(0)
  })

  it('grows by ten in a second without any call', () => {
    const budget = new RetryBudget(0)
    granted(budget, 0)
    expect(granted(budget, 2_000)).toBe(20)
  })

  it('never holds more than a thousand', () => {
    const budget = new RetryBudget(0)
    for (let call = 0; call < 1_000_000; call++) budget.earn()
    expect(granted(budget, 3_600_000)).toBe(1_000)
  })

  it('does not shrink when the clock goes back', () => {
    const budget = new RetryBudget(1_000)
    expect(granted(budget, 0)).toBe(100)
  })
})
