import { formatDuration, parseDuration } from './durations.js'

describe('durations', () => {
  it.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['1.5h', 5_400_000],
    ['0s', 0],
    ['1m1m', 120_000],
  ])('%s is %d ms', (text, milliseconds) => expect(parseDuration(text)).toBe(milliseconds))

  it.each(['', '5', 's', '-5s', '5 m', '1d', '.5s', '1e3s', 'm5'])('%j is none', (text) => expect(parseDuration(text)).toBeUndefined())

  it.each([
    [0, '0s'],
    [-5, '0s'],
    [90_000, '1m30s'],
    [3_600_000, '1h'],
    [1_500, '1s500ms'],
  ])('%d ms is written %s', (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text)
    expect(parseDuration(text)).toBe(Math.max(0, milliseconds))
  })
})
