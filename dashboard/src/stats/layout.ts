/** Where the components of a graph of traffic stand. Pure; the same edges give the same picture. */
import { graphlib, layout } from '@dagrejs/dagre'
import type { TrafficEdge } from './tables.js'

export interface TrafficLayout {
  readonly width: number
  readonly height: number
  readonly nodes: readonly {
    readonly name: string
    readonly x: number
    readonly y: number
    readonly width: number
    readonly height: number
  }[]
  readonly edges: readonly LaidEdge[]
}

export interface LaidEdge {
  readonly caller: string
  readonly component: string
  readonly isRemote: boolean
  /** Of an SVG path. */
  readonly path: string
  /** Middle of its label. */
  readonly x: number
  readonly y: number
}

const CHARACTER = 7.6
const NODE_HEIGHT = 30
const LABEL = { width: 150, height: 16 }
/** Beyond so many edges the picture has no room for what is written at them; the table has it. */
const MAX_LABELLED_EDGES = 60

export function layoutTraffic(edges: readonly Pick<TrafficEdge, 'caller' | 'component' | 'isRemote'>[]): TrafficLayout {
  const graph = new graphlib.Graph({ multigraph: true })
  graph.setGraph({ rankdir: 'LR', nodesep: 18, ranksep: 40, marginx: 8, marginy: 8 })
  graph.setDefaultEdgeLabel(() => ({}))
  const names = [...new Set(edges.flatMap(({ caller, component }) => [caller, component]))].sort()
  for (const name of names) graph.setNode(name, { width: Math.max(60, name.length * CHARACTER + 20), height: NODE_HEIGHT })
  const label = edges.length <= MAX_LABELLED_EDGES ? LABEL : { width: 0, height: 0 }
  for (const { caller, component, isRemote } of edges) graph.setEdge(caller, component, { ...label, labelpos: 'c' }, wayOf(isRemote))
  layout(graph)
  const { width = 0, height = 0 } = graph.graph() as { readonly width?: number; readonly height?: number } // as layout leaves it
  return {
    width: finite(width),
    height: finite(height),
    nodes: names.map((name) => {
      const { x, y, width, height } = graph.node(name) as { x: number; y: number; width: number; height: number } // as above
      return { name, x: x - width / 2, y: y - height / 2, width, height }
    }),
    edges: edges.map(({ caller, component, isRemote }) => {
      const { points, x, y } = graph.edge(caller, component, wayOf(isRemote)) as unknown as {
        readonly points: readonly { readonly x: number; readonly y: number }[]
        readonly x?: number
        readonly y?: number
      } // as above
      const middle = points[points.length >> 1] ?? { x: 0, y: 0 }
      return { caller, component, isRemote, path: pathOf(points), x: x ?? middle.x, y: y ?? middle.y }
    }),
  }
}

function wayOf(isRemote: boolean): string {
  return isRemote ? 'remote' : 'local'
}

/** Of a graph without nodes it is -Infinity. */
function finite(size: number): number {
  return Number.isFinite(size) ? size : 0
}

function pathOf(points: readonly { readonly x: number; readonly y: number }[]): string {
  return points.map(({ x, y }, i) => `${i === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`).join('')
}
