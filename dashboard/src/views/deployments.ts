import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { DeploymentSummary } from '../source.js'
import { frame, pathOf, State, table } from './frame.js'
import { age, shortId } from './words.js'

export interface DeploymentsState {
  readonly tool: string
  readonly at: number
  readonly deployments: readonly DeploymentSummary[]
}

export function deploymentsView({ tool, at, deployments }: DeploymentsState, notice = ''): VNode {
  const rows = deployments.map(
    ({ key, app, deploymentId, location, startedAt, state, problem, hasRollouts }) =>
      html`<tr key=${key}>
        <th scope="row"><a href=${pathOf(key)}>${app}</a></th>
        <td><code>${shortId(deploymentId)}</code></td>
        <td>${location ?? ''}</td>
        <td class="number">${age(at - Date.parse(startedAt))}</td>
        <td><${State} state=${state} /> ${problem ?? ''}</td>
        ${hasRollouts === true && html`<td><a href=${`r/${encodeURIComponent(app)}`} aria-label=${`Rollout of ${app}`}>Rollout</a></td>`}
      </tr>` as VNode,
  )
  return frame(
    { tool, notice },
    html`<h1>Deployments</h1>
      ${table('Deployments', ['App', 'Deployment', 'Location', 'Age', 'State', ...(deployments.some((one) => one.hasRollouts === true) ? ['Rollout'] : [])], rows, `Nothing runs by \`${tool} deploy\`.`)}`,
  )
}
