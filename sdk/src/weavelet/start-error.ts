import { WeaverError } from '../contract/errors.js'

/** All that is wrong with an application, told at once, before anything runs. */
export function startError(problems: readonly string[]): WeaverError {
  const [first = ''] = problems
  const text = problems.length === 1 ? first : `${problems.length} problems:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`
  return new WeaverError('WEAVER_START_INVALID', `the application cannot start: ${text}`, { details: { problems } })
}
