/** Who calls whom, from the calls that were made: a picture, and the same as a table. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { LaidEdge } from '../stats/layout.js'
import type { TrafficEdge } from '../stats/tables.js'
import type { DeploymentState } from '../watch.js'
import { frame, table } from './frame.js'
import { age, count, milliseconds, percent, short } from './words.js'

/** Beyond so many edges the picture has no room for what is written at them. */
const MAX_LABELS = 60

export function trafficView(state: DeploymentState, notice = ''): VNode {
  const { tool, deployment, traffic, methods } = state
  return frame(
    { tool, of: deployment, tab: 'traffic', notice },
    html`<h1>Traffic</h1>
      <p class="hint">
        Calls between components, as their callers count them; rate, errors and p99 of the last
        ${' '}${age(methods.coveredMs.minute)}.${' '}
        <span class="remote">Dashed: remote.</span> <span class="local">Solid: local.</span>
      </p>
      ${traffic.length === 0 ? '' : picture(state)}
      <h2 id="edges">As a table</h2>
      ${table(
        'Calls between components',
        ['Caller', 'Component', 'Where', 'Calls/s', 'Calls', 'Errors', 'Mean', 'p99', 'Calls in total'],
        traffic.map(edgeRow),
        'No component has called another one yet.',
      )}`,
  )
}

function picture({ layout, traffic }: DeploymentState): VNode {
  const edges = new Map(traffic.map((edge) => [idOf(edge), edge]))
  const isLabelled = layout.edges.length <= MAX_LABELS
  const [width, height] = [Math.ceil(layout.width), Math.ceil(layout.height)]
  return html`<div class="scroll graph" tabindex="0" role="region" aria-label="Picture of the traffic">
    <svg
      width=${width}
      height=${height}
      viewBox=${`0 0 ${width} ${height}`}
      role="img"
      aria-label="Who calls whom; the table below says the same"
    >
      <defs>
        ${['local', 'remote'].map(
          (where) =>
            html`<marker
              id=${`to-${where}`}
              viewBox="0 0 8 8"
              refX="7"
              refY="4"
              markerWidth="8"
              markerHeight="8"
              markerUnits="userSpaceOnUse"
              orient="auto"
            >
              <path d="M0 0L8 4L0 8z" class=${`head ${where}`} />
            </marker>`,
        )}
      </defs>
      ${layout.edges.map((laid) => {
        const edge = edges.get(idOf(laid))
        return edge !== undefined && drawEdge(laid, edge, isLabelled)
      })}
      ${layout.nodes.map(
        ({ name, x, y, width, height }) =>
          html`<g key=${name}>
            <rect x=${x} y=${y} width=${width} height=${height} rx="5" />
            <text x=${x + width / 2} y=${y + height / 2 + 4.5}>${name}</text>
          </g>`,
      )}
    </svg>
  </div>` as VNode
}

function drawEdge(laid: LaidEdge, edge: TrafficEdge, isLabelled: boolean): VNode {
  const { path, isRemote, x, y } = laid
  const where = isRemote ? 'remote' : 'local'
  const isWrong = edge.minute.errors > 0
  // From a hair to six pixels over six powers of ten.
  const width = edge.rate === 0 ? 0.75 : Math.min(6, Math.max(1, 1.5 + Math.log10(edge.rate)))
  return html`<g key=${idOf(laid)} class=${`edge ${where} ${isWrong ? 'wrong' : ''} ${edge.rate === 0 ? 'idle' : ''}`}>
    <title>${`${edge.caller} calls ${edge.component} (${where}): ${labelOf(edge)}`}</title>
    <path d=${path} stroke-width=${width} marker-end=${`url(#to-${where})`} />
    ${isLabelled && html`<text x=${x} y=${y - 4}>${labelOf(edge)}</text>`}
  </g>` as VNode
}

function labelOf({ rate, minute, total }: TrafficEdge): string {
  if (minute.calls === 0) return `${count(total.calls)} in total`
  return `${short(rate)}/s${minute.errors > 0 ? ` · ${percent(minute.errors, minute.calls)} errors` : ''} · ${milliseconds(minute.p99Ms)}`
}

function edgeRow(edge: TrafficEdge): VNode {
  const { caller, component, isRemote, rate, minute, total } = edge
  return html`<tr key=${idOf(edge)}>
    <th scope="row">${caller}</th>
    <td>${component}</td>
    <td><span class=${isRemote ? 'remote' : 'local'}>${isRemote ? 'remote' : 'local'}</span></td>
    <td class="number">${short(rate)}</td>
    <td class="number">${count(minute.calls)}</td>
    <td class="number ${minute.errors > 0 ? 'wrong' : ''}">
      ${minute.errors === 0 ? '0' : `${count(minute.errors)} (${percent(minute.errors, minute.calls)})`}
    </td>
    <td class="number">${milliseconds(minute.meanMs)}</td>
    <td class="number">${milliseconds(minute.p99Ms)}</td>
    <td class="number">${count(total.calls)}</td>
  </tr>` as VNode
}

function idOf({ caller, component, isRemote }: Pick<TrafficEdge, 'caller' | 'component' | 'isRemote'>): string {
  return JSON.stringify([caller, component, isRemote])
}
