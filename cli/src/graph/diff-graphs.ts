/**
 * What changed between two builds, and what would have broken if their processes had talked to each
 * other. With Weaver they never do: the report shows what a rollout spares its users.
 */
import type { ComponentGraph, ComponentNode } from '@weaver/sdk/contract'
import { changedPart } from './changed-part.js'
import { diffConfig } from './diff-config.js'

export interface GraphChange {
  readonly component: string
  /**
   * Such as `method add: (item: string) => number is now (item: string, count: number) => number`.
   */
  readonly what: string
  /** The effect in mixed versions; absent if there is none. */
  readonly breaks?: string
}

export interface GraphDiff {
  /** Sorted by component. */
  readonly changes: readonly GraphChange[]
  /** Whether the two builds would have understood each other's calls. */
  readonly isCompatible: boolean
}

export function diffGraphs(before: ComponentGraph, after: ComponentGraph): GraphDiff {
  const [old, now] = [before, after].map(({ components }) => new Map(components.map((node) => [node.name, node])))
  const names = [...new Set([...(old?.keys() ?? []), ...(now?.keys() ?? [])])].sort()
  const changes = names.flatMap((name): readonly GraphChange[] => {
    const [was, is] = [old?.get(name), now?.get(name)]
    if (was === undefined) return [{ component: name, what: 'is new', breaks: 'new callers would find no method to call in old processes' }]
    if (is === undefined) return [{ component: name, what: 'is gone', breaks: 'old callers would find no method to call in new processes' }]
    return compare(was, is).map((change) => ({ component: name, ...change }))
  })
  return { changes, isCompatible: changes.every(({ breaks }) => breaks === undefined) }
}

type Change = Omit<GraphChange, 'component'>

function compare(was: ComponentNode, is: ComponentNode): readonly Change[] {
  return [
    ...compareMethods(was.methods, is.methods),
    ...compareLists('ref to', was.refs, is.refs),
    ...compareLists('listener', was.listeners, is.listeners),
    ...diffConfig(was.config, is.config).map((what) => ({ what })),
    ...(was.balance === is.balance ? [] : [{ what: `balance of keys: ${was.balance ?? 'slices'} is now ${is.balance ?? 'slices'}` }]),
    ...(was.leader === is.leader
      ? []
      : [{ what: `leader: ${was.leader ?? 'none'} is now ${is.leader ?? 'none'}`, breaks: 'both versions could lead at once' }]),
  ]
}

function compareMethods(was: ComponentNode['methods'], is: ComponentNode['methods']): readonly Change[] {
  const removed = was.filter(({ name }) => !is.some((method) => method.name === name))
  const added = is.filter(({ name }) => !was.some((method) => method.name === name))
  const changes: Change[] = [
    ...removed.map(({ name }) => ({ what: `method ${name} is gone`, breaks: 'old callers would call what is not there' })),
    ...added.map(({ name }) => ({ what: `method ${name} is new`, breaks: 'new callers would call what old processes do not have' })),
  ]
  const moved: string[] = []
  for (const [at, method] of is.entries()) {
    const other = was.find(({ name }) => name === method.name)
    if (other === undefined) continue
    if (other.signature !== method.signature)
      changes.push({ what: `method ${method.name}: ${changedPart(other.signature, method.signature)}`, breaks: 'the bytes of one would be misread by the other' }) // prettier-ignore
    if ((other.routed ?? false) !== (method.routed ?? false))
      changes.push({ what: `method ${method.name} is ${method.routed === true ? 'now' : 'no longer'} routed`, breaks: 'callers would look for its keys at different replicas' }) // prettier-ignore
    if ((other.notRetriable ?? false) !== (method.notRetriable ?? false))
      changes.push({ what: `method ${method.name} ${method.notRetriable === true ? 'must no longer' : 'may now'} run twice` })
    if ((other.stream ?? false) !== (method.stream ?? false))
      changes.push({ what: `method ${method.name} ${method.stream === true ? 'is now a stream' : 'is no longer a stream'}`, breaks: 'one side would wait for what the other never sends' }) // prettier-ignore
    if (was.indexOf(other) !== at) moved.push(method.name)
  }
  if (moved.length > 0)
    changes.push({ what: `${moved.length === 1 ? 'method' : 'methods'} ${moved.join(', ')}: other numbers on the wire`, breaks: 'a call would run another method' }) // prettier-ignore
  return changes
}

function compareLists(what: string, was: readonly string[], is: readonly string[]): readonly Change[] {
  return [
    ...was.filter((name) => !is.includes(name)).map((name) => ({ what: `${what} ${name} is gone` })),
    ...is.filter((name) => !was.includes(name)).map((name) => ({ what: `${what} ${name} is new` })),
  ]
}

/** As text: one line per change; `!` marks those that would have broken something. */
export function formatDiff({ changes, isCompatible }: GraphDiff): string {
  if (changes.length === 0) return 'no changes'
  const lines = changes.map(({ component, what, breaks }) => `${breaks === undefined ? ' ' : '!'} ${component}: ${what}${breaks === undefined ? '' : ` (mixed: ${breaks})`}`) // prettier-ignore
  const breaking = changes.filter(({ breaks }) => breaks !== undefined).length
  const verdict = isCompatible
    ? 'Mixed versions would have understood each other.'
    : `${breaking} of ${changes.length} changes would have broken mixed versions; Weaver keeps them apart.`
  return [...lines, '', verdict].join('\n')
}
