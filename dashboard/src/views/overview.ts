/** One deployment: what runs, where it is reached, how it is configured, what may be typed. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { GroupDetail, ReplicaDetail } from '../source.js'
import type { DeploymentState } from '../watch.js'
import { frame, pathOf, State, table } from './frame.js'
import { formatChoice, replicaChoice } from './log-choice.js'
import { age, bytes, short } from './words.js'

export function overviewView(state: DeploymentState, notice = ''): VNode {
  const { tool, at, deployment, cpu } = state
  const { groups, listeners, config, configFile, broker, pid, startedAt, commands } = deployment
  return frame(
    { tool, of: deployment, tab: 'overview', notice },
    html`<h1>${deployment.app}</h1>
      <dl class="facts">
        <div>
          <dt>Deployment</dt>
          <dd><code>${deployment.deploymentId}</code></dd>
        </div>
        <div>
          <dt>Age</dt>
          <dd>${age(at - Date.parse(startedAt))}</dd>
        </div>
        <div>
          <dt>Deployer</dt>
          <dd>process ${pid}</dd>
        </div>
        ${
          broker !== undefined &&
          html`<div>
            <dt>Broker</dt>
            <dd><code>${broker}</code></dd>
          </div>`
        }
        <div>
          <dt>Configuration</dt>
          <dd><code>${configFile}</code></dd>
        </div>
      </dl>
      <section aria-labelledby="listeners">
        <h2 id="listeners">Listeners</h2>
        ${table(
          'Table of listeners',
          ['Listener', 'Address', 'Group', 'Processes'],
          listeners.map(
            ({ name, url, address, group, backends }) =>
              html`<tr key=${name}>
                <th scope="row">${name}</th>
                <td>
                  ${url === undefined || !/^https?:/.test(url) ? address : html`<a href=${url} rel="noreferrer noopener" target="_blank">${address}</a>`}
                </td>
                <td>${group}</td>
                <td class="number">${backends}</td>
              </tr>` as VNode,
          ),
          'This application has no listener.',
        )}
      </section>
      <section aria-labelledby="components">
        <h2 id="components">Components</h2>
        ${table(
          'Components and their replicas',
          ['Group', 'Components', 'Replica', 'PID', 'State', 'Restarts', 'CPU', 'Memory', 'Last end'],
          groups.flatMap((group) => groupRows(deployment.key, group, cpu)),
          'Nothing runs yet.',
        )}
      </section>
      <section aria-labelledby="config">
        <h2 id="config">Configuration</h2>
        <p class="hint">By component, as the processes were given it; secrets are masked.</p>
        ${
          Object.keys(config).length === 0
            ? html`<p class="empty">No component is configured.</p>`
            : html`<pre tabindex="0" aria-label="Configuration by component">${JSON.stringify(config, undefined, 2)}</pre>`
        }
      </section>
      <section aria-labelledby="commands">
        <h2 id="commands">Commands</h2>
        <ul class="commands">
          ${commands.map(
            ({ text, does }) =>
              html`<li key=${text}>
                <code>${text}</code>
                <button type="button" data-copy=${text} aria-label=${`Copy: ${text}`}>Copy</button>
                <span>${does}</span>
              </li>`,
          )}
        </ul>
      </section>`,
  )
}

function groupRows(key: string, { name, components, replicas }: GroupDetail, cpu: DeploymentState['cpu']): readonly VNode[] {
  const shown: readonly (ReplicaDetail | undefined)[] = replicas.length === 0 ? [undefined] : replicas
  return shown.map(
    (replica, i) =>
      html`<tr key=${`${name} ${replica?.replica ?? ''}`}>
        ${
          i === 0 &&
          html`<th scope="rowgroup" rowspan=${shown.length}>${name}</th>
            <td rowspan=${shown.length}>
              <ul class="plain">
                ${components.map((one) => html`<li>${one}</li>`)}
              </ul>
            </td>`
        }
        ${replica === undefined ? html`<td colspan="7">no process</td>` : replicaCells(key, replica, cpu[replica.replica])}
      </tr>` as VNode,
  )
}

function replicaCells(
  key: string,
  { replica, pid, state, restarts, lastDeath, memoryBytes }: ReplicaDetail,
  cores: number | undefined,
): VNode {
  const logs = `${pathOf(key, '/logs')}${formatChoice(replicaChoice(replica))}`
  return html`<td>
      <a href=${logs} aria-label=${`Logs of ${replica}`}><code>${replica}</code></a>
    </td>
    <td class="number">${pid ?? '–'}</td>
    <td><${State} state=${state} /></td>
    <td class="number">${restarts}</td>
    <td class="number">${cores === undefined ? '–' : `${short(Math.round(cores * 1_000) / 10)} %`}</td>
    <td class="number">${memoryBytes === undefined ? '–' : bytes(memoryBytes)}</td>
    <td>
      ${
        lastDeath === undefined
          ? '–'
          : html`<details>
              <summary>${lastDeath.cause}, <time datetime=${lastDeath.at}>${lastDeath.at.slice(11, 19)}</time></summary>
              <pre tabindex="0" aria-label="What it said last">
${lastDeath.lines.length === 0 ? 'it had said nothing' : lastDeath.lines.join('\n')}</pre>
            </details>`
      }
    </td>` as VNode
}
