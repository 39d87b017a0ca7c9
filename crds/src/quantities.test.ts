import { parseQuantity } from './quantities.js'

describe('a quantity', () => {
  it.each([
    ['100m', 0.1],
    ['0.5', 0.5],
    ['.5', 0.5],
    ['1.', 1],
    [2, 2],
    ['128Mi', 134_217_728],
    ['1e9', 1e9],
    ['1E3', 1000],
    ['2E', 2e18],
    ['12e-1', 1.2],
    ['5k', 5000],
  ])('%s is %d', (text, value) => {
    expect(parseQuantity(text)).toBeCloseTo(value, 9)
  })

  it.each(['', 'm', '1 Gi', '1gb', '-1', '1e', '1e999', '0x10', '1.2.3', 'NaN'])('%j is not one', (text) => {
    expect(parseQuantity(text)).toBeUndefined()
  })
})
