import { codecError } from '../../codec/codec-error.js'
import type { Logger } from '../../telemetry/logger.js'
import { HandlerFailures, isOfTheSender } from './handler-failures.js'

it('tells bytes that cannot be understood from bugs of a handler', () => {
  expect([codecError('cut short'), new TypeError('x is undefined'), 'text'].map(isOfTheSender)).toEqual([true, false, false])
})

it('logs an error for each subscription, and then at most every ten seconds', () => {
  const logged: unknown[] = []
  const nothing = (): void => undefined
  const log: Logger = { debug: nothing, info: nothing, warn: nothing, error: (_, fields) => void logged.push(fields), with: () => log }
  let now = 0
  const failures = new HandlerFailures(log, () => now)
  const err = new TypeError('x is undefined')
  for (const subject of ['a', 'a', 'b', 'a']) failures.add({ subject, err })
  now = 10_000
  failures.add({ subject: 'a', err })
  expect(logged).toEqual([
    { subject: 'a', unlogged: 0, err },
    { subject: 'b', unlogged: 1, err },
    { subject: 'a', unlogged: 1, err },
  ])
})
