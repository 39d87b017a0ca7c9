/**
 * A describe run: a process of the application that starts nothing. It constructs the components
 * that take configuration, each up to its `config()` field, and returns the JSON Schemas of their
 * configuration, with bounds and defaults, which types do not have. The application's code may run
 * where it is built; where it is deployed, the schemas are then known without running it.
 */
import { WeaverError } from './errors.js'
import type { ComponentGraph } from './graph.js'

/**
 * Makes `run()` describe the application instead of running it. Holds a {@link DescribeRequest} as
 * JSON.
 */
export const DESCRIBE_ENV = 'WEAVER_DESCRIBE'
const DESCRIPTION_FORMAT = 1

export interface DescribeRequest {
  /** Where to write the {@link Description}. */
  readonly file: string
  /** Names of the components to describe. */
  readonly components: readonly string[]
}

export interface Description {
  readonly format: typeof DESCRIPTION_FORMAT
  /** Fingerprint of the generated file in the process. */
  readonly fingerprint: string
  /** JSON Schema of the configuration, by component; without those whose schema yields none. */
  readonly config: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  /** Problems, one line each. */
  readonly problems: readonly string[]
  /** What the author should know, one line each. */
  readonly warnings?: readonly string[]
}

/** @throws WeaverError `WEAVER_BOOTSTRAP_INVALID` */
export function parseDescribeRequest(text: string): DescribeRequest {
  const { file, components } = parseRecord(text) ?? {}
  if (typeof file === 'string' && Array.isArray(components)) return { file, components: components.map(String) }
  throw new WeaverError(
    'WEAVER_BOOTSTRAP_INVALID',
    `${DESCRIBE_ENV} is not a request to describe the application; unset it, or use the weaver command and the SDK of one release`,
  )
}

export function buildDescription(of: Omit<Description, 'format'>): Description {
  return { format: DESCRIPTION_FORMAT, ...of }
}

/** @returns the reason if it is invalid */
export function parseDescription(text: string): Description | string {
  const found = parseRecord(text)
  if (found === undefined) return 'it is not a JSON object'
  if (found['format'] !== DESCRIPTION_FORMAT)
    return `format ${JSON.stringify(found['format'])} is unknown, this release reads ${DESCRIPTION_FORMAT}`
  if (typeof found['fingerprint'] !== 'string' || typeof found['config'] !== 'object' || !Array.isArray(found['problems']))
    return 'it lacks fingerprint, config or problems'
  return found as unknown as Description // checked above
}

/** The graph with the described schemas in place of those derived from types. */
export function withDescribedConfig(graph: ComponentGraph, { config }: Pick<Description, 'config'>): ComponentGraph {
  return {
    ...graph,
    components: graph.components.map((node) => {
      const described = node.config === undefined ? undefined : config[node.name]
      return described === undefined ? node : { ...node, config: described }
    }),
  }
}

function parseRecord(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const raw: unknown = JSON.parse(text)
    return typeof raw === 'object' && raw !== null && !Array.isArray(raw) ? (raw as Record<string, unknown>) : undefined
  } catch {
    return undefined // reported as "no JSON object"
  }
}
