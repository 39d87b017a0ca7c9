import { parseQuantity } from './quantities.js'
import type { WeaverAppSpec } from './weaver-app.js'

/**
 * Small enough for twelve components on a laptop, large enough that the scheduler does not pile
 * them up.
 */
const DEFAULT_REQUESTS = { cpu: '50m', memory: '96Mi' }

type Resources = NonNullable<WeaverAppSpec['resources']>

/**
 * What a replica asks for: what its spec says, and the defaults for the rest. A limit below the
 * default is a request as well, by the Kubernetes rule; a request above it would be refused.
 */
export function podRequests({ requests, limits = {} }: Resources): NonNullable<Resources['requests']> {
  const defaults = Object.entries(DEFAULT_REQUESTS).filter(
    ([name, request]) => (parseQuantity(limits[name] ?? request) ?? 0) >= (parseQuantity(request) ?? 0),
  )
  return { ...Object.fromEntries(defaults), ...requests }
}
