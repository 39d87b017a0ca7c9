/** The log of a deployment: a query, level counts, and the rows that the window shows. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { LogEntry } from '@weaver/sdk/contract'
import type { LogRow, LogSummary } from '../logs/log-view.js'
import { frame, pathOf, type Deployed } from './frame.js'
import { formatChoice, LEVELS, replicaChoice, traceChoice, type LogChoice } from './log-choice.js'
import { count } from './words.js'

export interface LogsState {
  readonly tool: string
  readonly deployment: Deployed
  readonly choice: LogChoice
  /** What is wrong with the query. */
  readonly wrong?: string
  /** Absent: the query is wrong. */
  readonly summary?: LogSummary
  /** The newest; in the browser those in the window. */
  readonly rows: readonly LogRow[]
}

/** What only the browser knows. Without it the page shows the newest rows, and no more. */
export interface LogWindow {
  readonly isFollowing: boolean
  /** The row that the keyboard is at. */
  readonly active?: number
  /** What is shown below. */
  readonly opened?: LogRow
}

export function logsView(state: LogsState, notice = '', at?: LogWindow): VNode {
  const { tool, deployment, choice, wrong, summary, rows } = state
  const path = pathOf(deployment.key, '/logs')
  return frame(
    { tool, of: deployment, tab: 'logs', notice },
    html`<h1>Logs</h1>
      <form class="query" role="search" action=${path}>
        <label for="query">Query</label>
        <input
          id="query"
          name="query"
          defaultValue=${choice.query}
          placeholder=${'level == "error" && component == "Cart"'}
          autocomplete="off"
          autocapitalize="off"
          spellcheck=${false}
          aria-invalid=${wrong !== undefined}
          aria-describedby=${wrong === undefined ? undefined : 'wrong'}
        />
        ${choice.levels.map((level) => html`<input type="hidden" name="level" value=${level} />`)}
        <label><input type="checkbox" name="system" value="1" defaultChecked=${choice.system} /> of the runtime, too</label>
        <button type="submit">Show</button>
        ${formatChoice(choice) !== '' && html`<a href=${path}>Clear</a>`}
      </form>
      ${wrong !== undefined && html`<pre id="wrong" class="wrong" role="alert" tabindex="0">${wrong}</pre>`}
      ${summary !== undefined && html`${levelBar(path, choice, summary)}${list(summary, rows, at)}${statusLine(summary, at)}`}
      ${at?.opened !== undefined && details(deployment.key, at.opened)}`,
  )
}

/** How many there are of each level, and a link that shows only those, or hides them again. */
function levelBar(path: string, choice: LogChoice, { counts }: LogSummary): VNode {
  const { levels } = choice
  const link = (text: string, to: readonly string[], isOn: boolean, kind = ''): VNode =>
    html`<a class=${`level ${kind}`} href=${`${path}${formatChoice({ ...choice, levels: to })}`} aria-current=${isOn ? 'true' : undefined}
      >${text}</a
    >` as VNode
  const known = LEVELS.filter((level) => (counts[level] ?? 0) > 0 || levels.includes(level))
  const all = Object.values(counts).reduce((sum, one) => sum + one, 0)
  return html`<nav class="choice levels" aria-label="Levels">
    ${link(`all ${count(all)}`, [], levels.length === 0)}
    ${known.map((level) => {
      const isOn = levels.includes(level)
      return link(`${level} ${count(counts[level] ?? 0)}`, isOn ? levels.filter((one) => one !== level) : [...levels, level], isOn, level)
    })}
  </nav>` as VNode
}

function list({ total, isCurrent }: LogSummary, rows: readonly LogRow[], at: LogWindow | undefined): VNode {
  if (total === 0)
    return html`<p class="empty log-empty">
      ${isCurrent ? 'No entry matches yet. New ones show up here.' : 'Reading what is kept …'}
    </p>` as VNode
  return html`<div
    class=${`log ${at === undefined ? '' : 'moves'}`}
    id="log"
    tabindex="0"
    role="listbox"
    aria-label="Entries; the arrow keys move, Enter shows one"
    aria-activedescendant=${rows.some(({ row }) => row === at?.active) ? `row-${at?.active ?? ''}` : undefined}
  >
    <div id="space" role="presentation">
      <div id="rows" role="presentation">${rows.map((row) => rowView(row, total, at))}</div>
    </div>
  </div>` as VNode
}

function rowView({ row, entry }: LogRow, total: number, at: LogWindow | undefined): VNode {
  const common = {
    key: row,
    id: `row-${row}`,
    role: 'option',
    'data-row': row,
    'aria-posinset': row + 1,
    'aria-setsize': total,
    'aria-selected': row === (at?.active ?? -1),
  }
  if (entry === undefined) return html`<div class="row gone" ...${common}><span class="text">…</span></div>` as VNode
  const { time, level, group, replica, component, message } = entry
  return html`<div class=${`row ${level}`} ...${common}>
    <time datetime=${time} title=${time}>${time.slice(11, 23)}</time>
    <span class="level">${level}</span>
    <span class="who" title=${replica ?? ''}>${group ?? ''} ${replica?.slice(0, 8) ?? ''}</span>
    <span class="component" title=${component ?? ''}>${component?.slice(component.lastIndexOf('/') + 1) ?? ''}</span>
    <span class="text"><bdi>${message.slice(0, 600)}</bdi> <span class="attributes">${attributesText(entry)}</span></span>
  </div>` as VNode
}

function attributesText({ attributes }: LogEntry): string {
  return Object.entries(attributes)
    .map(([name, value]) => `${name}=${textOf(value).slice(0, 200)}`)
    .join(' ')
    .slice(0, 600)
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

function statusLine({ first, total, isCurrent, problem }: LogSummary, at: LogWindow | undefined): VNode {
  return html`<div class="log-status">
    <span>${isCurrent ? `${count(total)} ${total === 1 ? 'entry' : 'entries'}` : `${count(total)} so far, reading …`}</span>
    ${first > 0 && html`<span class="between">the oldest ${count(first)} are not held; a query finds them</span>`}
    ${problem !== undefined && html`<span class="wrong">${problem}</span>`}
    ${
      at !== undefined &&
      html`<button type="button" id="follow" aria-pressed=${at.isFollowing ? 'true' : 'false'}>
        ${at.isFollowing ? 'Following' : 'Follow the newest'}
      </button>`
    }
  </div>` as VNode
}

function details(key: string, { entry, isCut }: LogRow): VNode {
  const path = pathOf(key, '/logs')
  if (entry === undefined)
    return html`<section class="entry" aria-label="Entry">
      <p class="empty">This entry is no longer kept: its process has written more since than its files hold.</p>
      ${closeButton()}
    </section>` as VNode
  const { message, attributes, traceId, replica, ...rest } = entry
  const isShort = (value: unknown): boolean => typeof value !== 'object' && textOf(value).length <= 60 && !textOf(value).includes('\n')
  const all = Object.entries(attributes)
  const fact = (name: string, value: unknown): VNode =>
    html`<div>
      <dt>${name}</dt>
      <dd>${value}</dd>
    </div>` as VNode
  return html`<section class="entry" aria-label="Entry">
    ${closeButton()}
    <dl class="facts">
      ${Object.entries(rest).map(([name, value]) => fact(name, textOf(value)))}
      ${replica !== undefined && fact('replica', html`<a href=${`${path}${formatChoice(replicaChoice(replica))}`}><code>${replica}</code></a>`)}
      ${traceId !== undefined && fact('trace', html`<a href=${`${path}${formatChoice(traceChoice(traceId))}`}><code>${traceId}</code></a>`)}
      ${all.filter(([, value]) => isShort(value)).map(([name, value]) => fact(name, html`<code>${textOf(value)}</code>`))}
    </dl>
    <pre tabindex="0" aria-label="Message">${message}</pre>
    ${all
      .filter(([, value]) => !isShort(value))
      .map(
        ([name, value]) =>
          html`<h2>${name}</h2>
            <pre tabindex="0" aria-label=${name}>${attributeText(value)}</pre>`,
      )}
    ${isCut === true && html`<p class="hint">It is longer than this page shows; the command <code>logs --json</code> has all of it.</p>`}
  </section>` as VNode
}

function closeButton(): VNode {
  return html`<button type="button" id="close-entry">Close</button>` as VNode
}

/** A stack as lines, and not as a text in JSON. */
function attributeText(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'object' && value !== null && 'stack' in value && typeof value.stack === 'string') {
    const { stack, ...rest } = value
    return Object.keys(rest).length === 0 ? stack : `${stack}\n${JSON.stringify(rest, undefined, 2)}`
  }
  return JSON.stringify(value, undefined, 2) ?? ''
}
