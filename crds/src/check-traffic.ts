import { parseDuration } from './durations.js'
import { fieldPath, type SpecProblem } from './problems.js'
import type { WeaverAppSpec } from './weaver-app.js'

export function checkTraffic({ traffic }: WeaverAppSpec): SpecProblem[] {
  const { affinity } = traffic
  if (affinity === undefined) return []
  const at = (...path: readonly string[]) => fieldPath('spec', 'traffic', 'affinity', ...path)
  const problems: SpecProblem[] = []
  if (affinity.key !== undefined && (affinity.key.header === undefined) === (affinity.key.cookie === undefined))
    problems.push({
      path: at('key'),
      message: affinity.key.header === undefined ? 'is empty' : 'names a header and a cookie',
      remedy: 'give either header or cookie',
    })
  if (affinity.mode === 'newSessionsOnly' && !affinity.carriers.includes('cookie'))
    problems.push({
      path: at('carriers'),
      message: 'leave out cookie, in which newSessionsOnly keeps the version',
      remedy: 'add cookie to carriers',
    })
  if ((parseDuration(affinity.maxAge) ?? 0) < 1_000)
    problems.push({
      path: at('maxAge'),
      message: 'is less than a second',
      remedy: 'leave affinity out to choose the version of each request by itself',
    })
  return problems
}
