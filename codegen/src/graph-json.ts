import { createHash } from 'node:crypto'
import { GRAPH_FORMAT, MAIN_COMPONENT, SUBJECT_LAYOUT, type ComponentGraph, type ComponentNode } from '@weaver/sdk/contract'
import { methodSignature, type Application, type ClassFacts } from './model.js'

/**
 * `WEAVER_GEN_FORMAT` of the SDK that generated files need; they do not compile against any other.
 * It also changes with the bytes of the codec.
 */
export const GEN_FORMAT = 5

/**
 * sha256 of everything that both ends of a call must agree on: the bytes of the codec; names, order
 * and structure of methods; how calls may be retried.
 */
export function fingerprintOf(application: Application): string {
  const agreed = application.components.map((component) => [
    component.name,
    component.methods.map((method) => [method.name, methodSignature(method), method.isNotRetriable, method.isRouted]),
  ])
  const below = application.packages.map(({ name, fingerprint }) => [name, fingerprint])
  return createHash('sha256')
    .update(JSON.stringify([GEN_FORMAT, agreed, below]))
    .digest('hex')
}

/**
 * @param made.relative a path relative to the package
 * @param made.project see {@link ComponentGraph}
 */
export function buildGraph(
  application: Application,
  made: {
    readonly generator: string
    readonly fingerprint: string
    readonly project?: string
    readonly relative: (file: string) => string
  },
): ComponentGraph {
  const node = (name: string, facts: ClassFacts, methods: ComponentNode['methods']): ComponentNode => ({
    name,
    source: facts.source,
    methods,
    refs: facts.refs,
    ...(facts.lazyRefs.length === 0 ? {} : { lazyRefs: facts.lazyRefs }),
    listeners: facts.listeners,
    ...(facts.config === undefined ? {} : { config: facts.config }),
  })
  const components = application.components.map((component) => ({
    ...node(
      component.name,
      component,
      component.methods.map((method) => ({
        name: method.name,
        signature: methodSignature(method),
        ...(method.isNotRetriable ? { notRetriable: true as const } : {}),
        ...(method.isRouted ? { routed: true as const } : {}),
        ...(method.isStream ? { stream: true as const } : {}),
      })),
    ),
    ...(component.leader === undefined ? {} : { leader: component.leader }),
    ...(component.balance === undefined ? {} : { balance: component.balance }),
    token: { name: component.token.name, source: made.relative(component.token.file) },
  }))
  const others = new Map(application.packages.flatMap(({ nodes }) => nodes).map((of) => [of.name, of]))
  const main = application.main === undefined ? [] : [node(MAIN_COMPONENT, application.main, [])]
  const { generator, fingerprint, project } = made
  return {
    format: GRAPH_FORMAT,
    generator,
    subjects: SUBJECT_LAYOUT,
    fingerprint,
    ...(project === undefined ? {} : { project }),
    components: [...components, ...others.values(), ...main].sort((a, b) => (a.name < b.name ? -1 : 1)),
  }
}
