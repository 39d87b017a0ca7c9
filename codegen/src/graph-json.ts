import { createHash } from 'node:crypto'
import { GRAPH_FORMAT, MAIN_COMPONENT, type ComponentGraph, type ComponentNode } from '@weaver/sdk/contract'
import { methodSignature, type Application, type ClassFacts } from './model.js'

/** sha256 over everything that both ends of a call must agree on: names, order and structure of methods, and how they may be repeated. */
export function fingerprintOf(application: Application): string {
  const agreed = application.components.map((component) => [
    component.name,
    component.methods.map((method) => [method.name, methodSignature(method), method.isNotRetriable, method.isRouted]),
  ])
  return createHash('sha256').update(JSON.stringify(agreed)).digest('hex')
}

export function buildGraph(application: Application, made: { readonly generator: string; readonly fingerprint: string }): ComponentGraph {
  const node = (name: string, facts: ClassFacts, methods: ComponentNode['methods']): ComponentNode => ({
    name,
    source: facts.source,
    methods,
    refs: facts.refs,
    listeners: facts.listeners,
    ...(facts.config === undefined ? {} : { config: facts.config }),
  })
  const components = application.components.map((component) =>
    node(
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
  )
  const main = application.main === undefined ? [] : [node(MAIN_COMPONENT, application.main, [])]
  return { format: GRAPH_FORMAT, ...made, components: [...components, ...main].sort((a, b) => (a.name < b.name ? -1 : 1)) }
}
