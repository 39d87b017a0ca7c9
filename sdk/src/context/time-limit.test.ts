import { withContext } from './context.js'
import { deadlineOf } from './time-limit.js'

it.each([
  ['after the limit of the method', {}, 1_100],
  ['after the limit of the caller in its place, also a longer one', { timeoutMs: 500 }, 1_500],
  ['no later than the caller', { deadline: 1_050 }, 1_050],
  ['no later than the caller, whatever limit it sets', { deadline: 1_050, timeoutMs: 500 }, 1_050],
  ['after the limit of the method where the caller has longer', { deadline: 9_000 }, 1_100],
])('a call has to be over %s', (_, caller, expected) => {
  expect(deadlineOf(caller, 100, 1_000)).toBe(expected)
})

describe('what is set for calls at call time', () => {
  it.each([
    [{ timeoutMs: NaN }],
    [{ timeoutMs: 0 }],
    [{ timeoutMs: -1 }],
    [{ timeoutMs: Infinity }],
    [{ timeoutMs: '5' }],
    [{ deadline: NaN }],
    [{ deadline: '5' }],
  ])('is refused before anything runs where it means nothing: %p', (change) => {
    let runs = 0
    const attempt = (): unknown => withContext(change as object, () => runs++)
    expect(attempt).toThrow(RangeError)
    expect(attempt).toThrow(/is (NaN|0|-1|Infinity|5); give /)
    expect(runs).toBe(0)
  })

  it('is taken where it does, a deadline that has passed too', () => {
    for (const change of [{ timeoutMs: 0.5 }, { timeoutMs: undefined }, { deadline: 0 }, { deadline: Infinity }])
      expect(withContext(change as object, () => 'ran')).toBe('ran') // undefined is taken as absent, whatever the type says
  })
})
