import type { z } from 'zod'
import { checkListeners } from './check-listeners.js'
import { checkPods } from './check-pods.js'
import { checkResources } from './check-resources.js'
import { checkTraffic } from './check-traffic.js'
import { parseDuration } from './durations.js'
import { fieldPath, type SpecProblem } from './problems.js'
import { API_GROUP, API_VERSION, WEAVER_APP_KIND, weaverAppSpecSchema, type WeaverAppSpec } from './weaver-app.js'

export type ParsedSpec =
  { readonly ok: true; readonly spec: WeaverAppSpec } | { readonly ok: false; readonly issues: readonly SpecProblem[] }
export type ParsedApp =
  | { readonly ok: true; readonly name: string; readonly namespace?: string; readonly spec: WeaverAppSpec }
  | { readonly ok: false; readonly issues: readonly SpecProblem[] }

/**
 * Checks a spec and fills in its defaults, or returns all problems, including those that the CRD's
 * schema and rules refuse.
 */
export function parseWeaverAppSpec(raw: unknown): ParsedSpec {
  if (raw === undefined || raw === null)
    return { ok: false, issues: [{ path: 'spec', message: 'is missing', remedy: 'give at least spec.image' }] }
  const parsed = weaverAppSpecSchema.safeParse(raw)
  if (!parsed.success) return { ok: false, issues: parsed.error.issues.map(problemOf) }
  const issues = checkSpec(parsed.data)
  return issues.length === 0 ? { ok: true, spec: parsed.data } : { ok: false, issues }
}

/** The same for a whole WeaverApp, as read from a file. */
export function parseWeaverApp(raw: unknown): ParsedApp {
  const issues: SpecProblem[] = []
  const object = asRecord(raw)
  if (object === undefined)
    return {
      ok: false,
      issues: [{ path: '', message: 'is not an object', remedy: `give a ${WEAVER_APP_KIND} of ${API_GROUP}/${API_VERSION}` }],
    }
  const expect = (field: string, wanted: string) => {
    if (object[field] !== wanted)
      issues.push({ path: field, message: `is ${JSON.stringify(object[field])}`, remedy: `set it to ${wanted}` })
  }
  expect('apiVersion', `${API_GROUP}/${API_VERSION}`)
  expect('kind', WEAVER_APP_KIND)
  const metadata = asRecord(object['metadata']) ?? {}
  const { name, namespace } = metadata
  if (typeof name !== 'string' || !APP_NAME.test(name) || name.length > MAX_APP_NAME)
    issues.push({
      path: 'metadata.name',
      message: `${JSON.stringify(name)} is not a name of an app`,
      remedy: `use at most ${MAX_APP_NAME} lower-case letters, digits and "-", starting with a letter`,
    })
  const spec = parseWeaverAppSpec(object['spec'])
  if (!spec.ok) issues.push(...spec.issues)
  if (!spec.ok || issues.length > 0) return { ok: false, issues }
  return { ok: true, name: String(name), ...(typeof namespace === 'string' ? { namespace } : {}), spec: spec.spec }
}

/** Names of objects and values of labels are made from it. */
const MAX_APP_NAME = 63
const APP_NAME = /^[a-z]([-a-z0-9]*[a-z0-9])?$/

/**
 * Checks beyond the schema. The CRD's own rules refuse the same; this covers files, `weaver`, and
 * objects older than a rule.
 */
export function checkSpec(spec: WeaverAppSpec): SpecProblem[] {
  return [
    ...checkGroups(spec),
    ...checkListeners(spec),
    ...checkPods(spec),
    ...checkResources(spec),
    ...checkRollout(spec),
    ...checkTraffic(spec),
  ]
}

function checkGroups(spec: WeaverAppSpec): SpecProblem[] {
  const problems: SpecProblem[] = []
  const names = new Map<string, number>()
  const owners = new Map<string, string>()
  spec.groups.forEach((group, i) => {
    const other = names.get(group.name)
    if (other !== undefined)
      problems.push({
        path: fieldPath('spec', 'groups', i, 'name'),
        message: `group "${group.name}" appears twice, also as spec.groups[${other}]`,
        remedy: 'rename one, or put their components into one group',
      })
    names.set(group.name, i)
    group.components.forEach((component, j) => {
      const owner = owners.get(component)
      if (owner !== undefined)
        problems.push({
          path: fieldPath('spec', 'groups', i, 'components', j),
          message:
            owner === group.name
              ? `component "${component}" appears twice`
              : `component "${component}" is claimed by group "${owner}" and by group "${group.name}"`,
          remedy: 'leave it in one place: a component runs in exactly one group',
        })
      else owners.set(component, group.name)
    })
    const { min = 1, max } = group.replicas ?? {}
    if (max !== undefined && max < min)
      problems.push({
        path: fieldPath('spec', 'groups', i, 'replicas', 'max'),
        message: `${max} is less than min ${min}`,
        remedy: 'raise max, lower min, or leave max out',
      })
  })
  return problems
}

function checkRollout({ rollout }: WeaverAppSpec): SpecProblem[] {
  const problems: SpecProblem[] = []
  const at = (...path: readonly PropertyKey[]) => fieldPath('spec', 'rollout', ...path)
  const { duration, steps, strategy } = rollout
  if (duration !== undefined && steps !== undefined)
    problems.push({ path: at('steps'), message: 'duration and steps exclude each other', remedy: 'keep one of them' })
  if (strategy === 'cutover' && (steps !== undefined || duration !== undefined))
    problems.push({
      path: at('strategy'),
      message: 'a cutover has neither steps nor a duration',
      remedy: 'remove them, or set strategy to gradual',
    })
  if (strategy === 'cutover' && rollout.analysis !== undefined)
    problems.push({
      path: at('analysis'),
      message: 'in a cutover the versions do not serve side by side, so nothing can be compared',
      remedy: 'remove analysis, or set strategy to gradual',
    })
  if (parseDuration(rollout.progressDeadline) === 0)
    problems.push({ path: at('progressDeadline'), message: 'is 0', remedy: 'give the version time to start, like 10m' })
  if (rollout.retain !== undefined && parseDuration(rollout.retain.for) === 0)
    problems.push({ path: at('retain', 'for'), message: 'is 0', remedy: 'leave retain out to keep no old version' })
  if (steps === undefined) return problems
  let last = -1
  steps.forEach((step, i) => {
    if (step.weight === undefined && step.hold === undefined && step.pause === undefined)
      problems.push({ path: at('steps', i), message: 'is empty', remedy: 'give weight, hold or pause' })
    if (step.weight === undefined) return
    if (step.weight <= last)
      problems.push({
        path: at('steps', i, 'weight'),
        message: `${step.weight} is not above ${last} of the step before`,
        remedy: 'order the weights so that each is higher than the one before',
      })
    last = step.weight
  })
  if (last !== 100)
    problems.push({
      path: at('steps', steps.length - 1, 'weight'),
      message: last < 0 ? 'no step has a weight' : `the last weight is ${last}`,
      remedy: 'end with a step of weight 100: only then the new version becomes the active one',
    })
  return problems
}

function problemOf(issue: z.core.$ZodIssue): SpecProblem {
  const path = fieldPath('spec', ...issue.path)
  const { message, remedy } = explain(issue)
  return { path, message, remedy }
}

function explain(issue: z.core.$ZodIssue): { readonly message: string; readonly remedy: string } {
  switch (issue.code) {
    case 'invalid_type':
      return issue.message.includes('received undefined')
        ? { message: 'is missing', remedy: `give a ${issue.expected}` }
        : { message: issue.message.replace(/^Invalid input: /, ''), remedy: `give a ${issue.expected}` }
    case 'too_small':
      return { message: `is too small or too short: the least is ${String(issue.minimum)}`, remedy: 'raise it' }
    case 'too_big':
      return { message: `is too large or too long: the most is ${String(issue.maximum)}`, remedy: 'lower it' }
    case 'invalid_format':
      return { message: 'has the wrong form', remedy: remedyOfPattern('pattern' in issue ? String(issue.pattern) : '') }
    case 'invalid_value':
      return { message: 'is not one of the allowed values', remedy: `use one of ${issue.values.map((v) => JSON.stringify(v)).join(', ')}` }
    case 'invalid_key':
      return { message: 'is not a valid key', remedy: 'use the name of a component, like "httpserver/Reverser"' }
    case 'invalid_union':
      // Only a quantity is a number or a text.
      return { message: 'is not a quantity', remedy: 'write it like 100m, 0.5, 2, 128Mi or 1e9' }
    default:
      return { message: issue.message, remedy: 'see `kubectl explain weaverapp.spec`' }
  }
}

function remedyOfPattern(pattern: string): string {
  if (pattern.includes('(ms|s|m|h)')) return 'write a duration like 30s, 5m or 1h30m'
  if (pattern.includes('(\\*\\.)?'))
    return 'write a host name in lower case without scheme, port and path, like shop.example.com or *.example.com'
  if (pattern.includes('[-a-z0-9]')) return 'use lower-case letters, digits and "-", starting with a letter'
  if (pattern.includes('Ki|M|Mi')) return 'write a quantity like 100m, 0.5, 128Mi or 1e9'
  if (pattern.includes('\\/')) return 'use the name of a component, like "httpserver/Reverser"'
  return `match ${pattern}`
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined
}
