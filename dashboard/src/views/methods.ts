/** Calls of every method, within a window of time. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { WindowName } from '../stats/call-history.js'
import type { MethodRow } from '../stats/tables.js'
import type { DeploymentState } from '../watch.js'
import { frame, pathOf, table } from './frame.js'
import { age, bytes, count, milliseconds, percent } from './words.js'

export const WINDOWS: readonly WindowName[] = ['minute', 'hour', 'total']

export interface MethodsState extends DeploymentState {
  readonly window: WindowName
}

export function methodsView(state: MethodsState, notice = ''): VNode {
  const { tool, deployment, methods, window } = state
  const rows = methods.rows.filter((row) => window === 'total' || row[window].calls > 0)
  return frame(
    { tool, of: deployment, tab: 'methods', notice },
    html`<h1>Methods</h1>
      <nav class="choice" aria-label="Window of time">
        ${WINDOWS.map(
          (one) =>
            html`<a href=${`${pathOf(deployment.key, '/methods')}?window=${one}`} aria-current=${one === window ? 'true' : undefined}
              >${LABELS[one]}</a
            >`,
        )}
      </nav>
      <p class="hint">${hintOf(state)}</p>
      ${table(
        'Calls by method',
        ['Component', 'Method', 'Where', 'Calls', 'Errors', 'Mean', 'p50', 'p99', 'Arguments', 'Answers'],
        rows.map((row) => methodRow(row, window)),
        window === 'total' ? 'No method has been called yet.' : `No call was seen in the last ${window}.`,
      )}`,
  )
}

const LABELS: Readonly<Record<WindowName, string>> = { minute: 'Last minute', hour: 'Last hour', total: 'Total' }

function hintOf({ window, methods }: MethodsState): string {
  if (window === 'total')
    return 'Of the processes that run, since each began: what `metrics` shows, added up. Callers count; of local calls one in 64 is timed.'
  const ms = methods.coveredMs[window]
  return `Covers the last ${age(ms)}${ms < { minute: 60_000, hour: 3_600_000 }[window] ? ', as long as this dashboard has looked' : ''}.`
}

function methodRow({ component, method, isRemote, ...windows }: MethodRow, window: WindowName): VNode {
  const { calls, errors, meanMs, p50Ms, p99Ms, requestBytes, replyBytes } = windows[window]
  return html`<tr key=${`${component}.${method} ${isRemote}`}>
    <th scope="row">${component}</th>
    <td>${method}</td>
    <td><span class=${isRemote ? 'remote' : 'local'}>${isRemote ? 'remote' : 'local'}</span></td>
    <td class="number">${count(calls)}</td>
    <td class="number ${errors > 0 ? 'wrong' : ''}">${errors === 0 ? '0' : `${count(errors)} (${percent(errors, calls)})`}</td>
    <td class="number">${milliseconds(meanMs)}</td>
    <td class="number">${milliseconds(p50Ms)}</td>
    <td class="number">${milliseconds(p99Ms)}</td>
    <td class="number">${isRemote ? bytes(requestBytes) : '–'}</td>
    <td class="number">${isRemote ? bytes(replyBytes) : '–'}</td>
  </tr>` as VNode
}
