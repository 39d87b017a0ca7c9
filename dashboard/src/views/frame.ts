/** What every page has around it. */
import { html } from 'htm/preact'
import type { ComponentChildren, VNode } from 'preact'

export type Tab = 'overview' | 'methods' | 'traffic' | 'logs'

const TABS: readonly { readonly tab: Tab; readonly path: string; readonly title: string }[] = [
  { tab: 'overview', path: '', title: 'Overview' },
  { tab: 'methods', path: '/methods', title: 'Methods' },
  { tab: 'traffic', path: '/traffic', title: 'Traffic' },
  { tab: 'logs', path: '/logs', title: 'Logs' },
]

/** A deployment, as the head of its pages names it. */
export interface Deployed {
  readonly key: string
  readonly app: string
  readonly deploymentId: string
  readonly location?: string
  readonly state: string
  /** Its application has a page for its rollouts. */
  readonly hasRollouts?: boolean
}

export interface FrameOptions {
  readonly tool: string
  /** The deployment that the page is about. */
  readonly of?: Deployed
  /** The application that the page is about, whichever its deployments. */
  readonly app?: string
  readonly tab?: Tab
  /** Problems, such as a lost connection; empty: none. */
  readonly notice?: string
}

/** Path of a page of a deployment, below the base. */
export function pathOf(key: string, path = ''): string {
  return `d/${encodeURIComponent(key)}${path}`
}

export function frame({ tool, of, app, tab, notice = '' }: FrameOptions, children: ComponentChildren): VNode {
  return html`<div>
    <header class="top">
      <p class="where">
        <a href="./">${tool}</a>
        ${
          of !== undefined &&
          html` <span aria-hidden="true">/</span> <b>${of.app}</b>
            <code>${of.deploymentId.slice(0, 8)}</code> ${of.location !== undefined && html` <span>${of.location}</span>`}
            <${State} state=${of.state} />`
        }
        ${app !== undefined && html` <span aria-hidden="true">/</span> <b>${app}</b>`}
      </p>
      ${
        of !== undefined &&
        html`<nav aria-label="Views of this deployment">
          ${TABS.map(
            ({ tab: one, path, title }) =>
              html`<a href=${pathOf(of.key, path)} aria-current=${one === tab ? 'page' : undefined}>${title}</a>`,
          )}
          ${of.hasRollouts === true && html`<a href=${`r/${encodeURIComponent(of.app)}`}>Rollout</a>`}
        </nav>`
      }
    </header>
    <p class="notice" role="status">${notice}</p>
    <main>${children}</main>
  </div>` as VNode
}

const GOOD = ['ready', 'ACTIVE', 'Ready']
const BAD = ['waiting', 'ended', 'FAILED', 'Failed', 'Degraded', 'no answer']

/** A state in words, with a mark that is not colour alone. */
export function State({ state }: { readonly state: string }): VNode {
  const kind = GOOD.includes(state) ? 'good' : BAD.includes(state) ? 'bad' : 'between'
  const mark = { good: '●', bad: '▲', between: '◐' }[kind]
  return html`<span class="state ${kind}"
    ><span aria-hidden="true">${mark}</span> ${state === 'waiting' ? 'restarting' : state}</span
  >` as VNode
}

/** A table in a box that scrolls by itself, and can be reached by keyboard. */
export function table(label: string, head: readonly (string | VNode)[], rows: readonly VNode[], empty: string): VNode {
  if (rows.length === 0) return html`<p class="empty">${empty}</p>` as VNode
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${label}>
    <table>
      <thead>
        <tr>
          ${head.map((cell) => html`<th scope="col">${cell}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>` as VNode
}
