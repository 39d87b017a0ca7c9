import { checkValue, type CheckOptions } from './check-value.js'
import type { GraphComponent, GraphShape } from './graph-shape.js'
import { fieldPath, nearestName, type SpecProblem } from './problems.js'
import type { WeaverAppSpec } from './weaver-app.js'

/** All contradictions between a spec and the components in its image. */
export function checkAgainstGraph(spec: WeaverAppSpec, graph: GraphShape, options: CheckOptions = {}): SpecProblem[] {
  const components = new Map(graph.components.map((c) => [c.name, c]))
  const listeners = graph.components.flatMap((c) => c.listeners)
  return [
    ...spec.groups.flatMap((group, i) =>
      group.components.flatMap((name, j) =>
        components.has(name) ? [] : [unknown(['groups', i, 'components', j], { what: 'component', name, known: components.keys() })],
      ),
    ),
    ...spec.listeners.flatMap(({ name }, i) =>
      listeners.includes(name) ? [] : [unknown(['listeners', i, 'name'], { what: 'listener', name, known: listeners })],
    ),
    ...checkConfigAgainstGraph(spec.config ?? {}, graph, options),
  ]
}

/**
 * The same for configuration alone: by component, names and values. Paths begin with `spec.config`.
 */
export function checkConfigAgainstGraph(
  config: Readonly<Record<string, unknown>>,
  graph: GraphShape,
  options: CheckOptions = {},
): SpecProblem[] {
  const components = new Map(graph.components.map((c) => [c.name, c]))
  // One that is given nothing is given {}: what its schema requires is missing then.
  const silent = graph.components.filter((c) => c.config !== undefined && !Object.hasOwn(config, c.name)).map((c) => [c.name, {}] as const)
  return [...Object.entries(config), ...silent].flatMap(([name, value]) =>
    checkConfig(components.get(name), { name, config: value, known: components.keys(), options }),
  )
}

function unknown(
  path: readonly PropertyKey[],
  { what, name, known }: { readonly what: string; readonly name: string; readonly known: Iterable<string> },
): SpecProblem {
  const names = [...known].sort()
  const near = nearestName(name, names)
  const list =
    names.length === 0
      ? `it has no ${what}`
      : `it has ${names
          .slice(0, 10)
          .map((n) => `"${n}"`)
          .join(', ')}${names.length > 10 ? ` and ${names.length - 10} more` : ''}`
  return {
    path: fieldPath('spec', ...path),
    message: `the application has no ${what} "${name}"`,
    remedy: near === undefined ? `use one that it has (${list})` : `did you mean "${near}"? Otherwise deploy a build that has it`,
  }
}

function checkConfig(
  component: GraphComponent | undefined,
  {
    name,
    config,
    known,
    options,
  }: { readonly name: string; readonly config: unknown; readonly known: Iterable<string>; readonly options: CheckOptions },
): SpecProblem[] {
  if (component === undefined) return [unknown(['config', name], { what: 'component', name, known })]
  if (component.config === undefined)
    return [
      {
        path: fieldPath('spec', 'config', name),
        message: `component "${name}" takes no configuration`,
        remedy: 'remove it, or declare a config(...) field in the component',
      },
    ]
  return checkValue(config ?? {}, component.config, { ...options, path: ['spec', 'config', name] })
}
