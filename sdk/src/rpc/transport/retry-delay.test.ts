import { reconnectDelayMs, retryDelayMs } from './retry-delay.js'

it('a process that is refused tries less and less often, and is found again within a tenth of the time that it was', () => {
  expect(reconnectDelayMs(undefined, 0)).toBe(30)
  expect([1, 2, 3, 4, 5].map((times) => reconnectDelayMs({ sinceMs: 0, times }, 100 * times))).toEqual([60, 120, 240, 250, 250])
  expect([5_000, 20_000, 50_000, 3_600_000].map((now) => reconnectDelayMs({ sinceMs: 0, times: 2_000 }, now))).toEqual([
    500, 2_000, 5_000, 5_000,
  ])
})

it('one that has no connection yet tries less and less often, too', () => {
  expect([0, 2_500, 10_000, 60_000].map(retryDelayMs)).toEqual([250, 250, 1_000, 5_000])
})
