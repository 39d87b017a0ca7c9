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
