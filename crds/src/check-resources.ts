import { fieldPath, nearestName, type SpecProblem } from './problems.js'
import { parseQuantity } from './quantities.js'
import type { WeaverAppSpec } from './weaver-app.js'

const STANDARD = ['cpu', 'memory', 'ephemeral-storage'] as const
/** An extended resource, like `nvidia.com/gpu`: a domain and a name. */
const EXTENDED = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?\/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/
const HUGE_PAGES = /^hugepages-/

/** Problems for which the API server would refuse every pod, long after the spec was applied. */
export function checkResources(spec: WeaverAppSpec): SpecProblem[] {
  return [
    ...checkOne(spec.resources, ['spec', 'resources']),
    ...spec.groups.flatMap((g, i) => checkOne(g.resources, ['spec', 'groups', i, 'resources'])),
  ]
}

function checkOne(resources: WeaverAppSpec['resources'], path: readonly PropertyKey[]): SpecProblem[] {
  const { requests = {}, limits = {} } = resources ?? {}
  const unknown = [...names('requests', requests), ...names('limits', limits)].flatMap(([kind, name]): SpecProblem[] => {
    if ((STANDARD as readonly string[]).includes(name) || EXTENDED.test(name) || HUGE_PAGES.test(name)) return []
    const near = nearestName(name, STANDARD)
    return [
      {
        path: fieldPath(...path, kind, name),
        message: `"${name}" is not a resource`,
        remedy:
          near === undefined
            ? `use ${STANDARD.join(', ')}, or a resource of the cluster with its domain, like nvidia.com/gpu`
            : `did you mean "${near}"?`,
      },
    ]
  })
  const exceeded = Object.entries(requests).flatMap(([name, request]): SpecProblem[] => {
    const limit = limits[name]
    if (limit === undefined || (parseQuantity(request) ?? 0) <= (parseQuantity(limit) ?? Infinity)) return []
    return [
      {
        path: fieldPath(...path, 'limits', name),
        message: `${limit} is less than the request ${request}`,
        remedy: 'raise the limit, or lower the request',
      },
    ]
  })
  return [...unknown, ...exceeded]
}

function names(kind: 'requests' | 'limits', of: Readonly<Record<string, unknown>>): (readonly ['requests' | 'limits', string])[] {
  return Object.keys(of).map((name) => [kind, name] as const)
}
