import { runLimitProblems, type RunLimits } from './run-limits.js'

describe('numbers given to run()', () => {
  it('are taken within their bounds, and where none is given', () => {
    const least: RunLimits = { maxMessageBytes: 1_024, maxBatch: 1, maxConcurrent: 1, shutdownGraceMs: 0, startWaitMs: 0 }
    const most: RunLimits = { maxMessageBytes: 2 ** 30, maxBatch: 65_536, maxConcurrent: 1_000_000, shutdownGraceMs: 2 ** 31 - 1, startWaitMs: 2 ** 31 - 1 } // prettier-ignore
    for (const given of [{}, { maxBatch: undefined }, least, most]) expect(runLimitProblems(given)).toEqual([])
  })

  it.each<readonly [given: object, problem: string]>([
    [{ maxBatch: 0 }, 'maxBatch is 0; give a whole number of calls, from 1 to 65536'],
    [{ maxConcurrent: 2.5 }, 'maxConcurrent is 2.5; give a whole number of calls, from 1 to 1000000'],
    [{ maxMessageBytes: '16MiB' }, 'maxMessageBytes is "16MiB"; give a whole number of bytes, from 1024 to 1073741824'],
    [{ shutdownGraceMs: Infinity }, 'shutdownGraceMs is Infinity; give a whole number of milliseconds, from 0 to 2147483647'],
    [{ startWaitMs: NaN }, 'startWaitMs is NaN; give a whole number of milliseconds, from 0 to 2147483647'],
    [{ maxBatch: null }, 'maxBatch is null; give a whole number of calls, from 1 to 65536'],
  ])('%j is refused with name, value and bounds', (given, problem) => {
    expect(runLimitProblems(given)).toEqual([problem])
  })

  it('are all told at once', () => {
    expect(runLimitProblems({ maxBatch: -1, startWaitMs: -1 })).toHaveLength(2)
  })
})
