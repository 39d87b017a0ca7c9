/** The rollout of an application: what was planned and what is seen, region by region, why it waits, and the verbs. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { Fractions, RolloutDetail, RolloutRegion, RolloutVersion } from '../rollout/rollout-source.js'
import type { RolloutState } from '../rollout/rollout-watch.js'
import { frame, pathOf, State, table } from './frame.js'
import { rolloutChart } from './rollout-chart.js'
import { age, shortId } from './words.js'

export interface RolloutPageState extends RolloutState {
  /** The verb that the user is asked about once more. */
  readonly ask?: string
}

/** Path of the page of an application's rollout, below the base. */
export function rolloutPathOf(app: string): string {
  return `r/${encodeURIComponent(app)}`
}

export function rolloutView(state: RolloutPageState, notice = ''): VNode {
  const { tool, at, rollout, actions, ask } = state
  const { app, target, versions, regions, failure, history, isUnderWay, isPaused } = rollout
  return frame(
    { tool, app, notice },
    html`<h1>Rollout of ${app}</h1>
      <p class="lead">
        ${
          isUnderWay
            ? html`<b>${shortId(target)}</b> is being rolled out${isPaused ? ', and paused' : ''}.`
            : html`No rollout is under way; <b>${shortId(target)}</b> is the version that is asked for.`
        }
      </p>
      ${failure !== undefined && html`<p class="wrong">${shortId(failure.version)} was given up in ${failure.region} at ${clock(failure.at)}: ${failure.message}</p>`}
      ${verbs(rollout, ask)}
      ${
        actions.length > 0 &&
        html`<ul class="plain actions" aria-label="Asked for from this dashboard">
          ${actions.map(
            ({ at: when, verb, note, answer, isRefused }) =>
              html`<li>
                <time datetime=${when}>${clock(when)}</time> <b>${verb}</b>${note === undefined ? '' : ` (${note})`}:${' '}
                <span class=${isRefused ? 'wrong' : ''}>${isRefused ? 'refused: ' : ''}${answer}</span>
              </li>`,
          )}
        </ul>`
      }
      ${regions.map((region) => regionView(region, state))}
      <h2 id="versions">Versions</h2>
      ${table(
        'Versions',
        ['Version', 'Status', 'Age', 'Copies', 'Why it is not ready'],
        versions.map((version) => versionRow(version, at)),
        'There is no version.',
      )}
      <h2 id="times">Plan and observation as a table</h2>
      ${table('Plan and observation', ['Time', 'What', ...regions.map(({ name }) => name)], timeRows(state), 'Nothing has moved yet.')}
      <h2 id="history">History</h2>
      ${table(
        'History',
        ['Time', 'Region', 'Version', 'What happened'],
        history.toReversed().map(
          ({ at: when, region, version, isWarning, message }, i) =>
            html`<tr key=${`${when} ${i}`}>
              <td><time datetime=${when}>${clock(when)}</time></td>
              <td>${region}</td>
              <td><code>${shortId(version)}</code></td>
              <td class=${isWarning ? 'wrong' : ''}>${message}</td>
            </tr>` as VNode,
        ),
        'Nothing has happened yet.',
      )}`,
  )
}

/** Links that ask once more; then a form that does it. Both work without scripts. */
function verbs({ app, verbs: all }: RolloutDetail, ask: string | undefined): VNode {
  const path = rolloutPathOf(app)
  const asked = all.find(({ verb }) => verb === ask)
  if (asked === undefined)
    return html`<nav class="verbs" aria-label="Actions">
      ${all.map(
        ({ verb, title, does, isApt }) =>
          html`<a class=${`button ${isApt ? '' : 'unapt'}`} href=${`${path}?ask=${verb}`} title=${does}>${title}</a>`,
      )}
    </nav>` as VNode
  return html`<form class="ask" method="post" action=${`${path}/${asked.verb}`} aria-labelledby="ask">
    <p id="ask"><b>${asked.title} ${app}?</b> ${asked.does}</p>
    ${!asked.isApt && html`<p class="between">As far as this page knows, there is nothing to ${asked.title.toLowerCase()} now; the deployer has the last word.</p>`}
    <label for="message">Why (status and history show it)</label>
    <input id="message" name="message" maxlength="500" autocomplete="off" autofocus />
    <button type="submit">${asked.title}</button>
    <a href=${path}>Cancel</a>
  </form>` as VNode
}

function regionView(region: RolloutRegion, { at, rollout, track }: RolloutPageState): VNode {
  const { name, phase, active, preview, steps, step, waitingFor, verdict, observed } = region
  const id = `region-${name}`
  const shown = preview ?? (rollout.target === active ? active : rollout.target)
  return html`<section class="region" aria-labelledby=${id} key=${name}>
    <h2 id=${id}>${name} <${State} state=${phase} /></h2>
    <dl class="facts">
      <div>
        <dt>Active</dt>
        <dd><code>${active === undefined ? '–' : shortId(active)}</code></dd>
      </div>
      ${
        preview !== undefined &&
        html`<div>
          <dt>New</dt>
          <dd><code>${shortId(preview)}</code></dd>
        </div>`
      }
      ${
        preview !== undefined &&
        html`<div>
            <dt>Traffic of the new one</dt>
            <dd class="big">${share(observed[preview] ?? 0)}</dd>
          </div>
          <div>
            <dt>Steps</dt>
            <dd>
              <ol class="steps">
                ${steps.map(
                  ({ weight }, i) =>
                    html`<li class=${i < step ? 'done' : ''} aria-current=${i === step ? 'step' : undefined}>${weight} %</li>`,
                )}
              </ol>
            </dd>
          </div>`
      }
      ${
        waitingFor !== undefined &&
        html`<div>
          <dt>Waits for</dt>
          <dd>${waitingFor}</dd>
        </div>`
      }
      ${
        verdict !== undefined &&
        html`<div>
          <dt>Analysis</dt>
          <dd class=${VERDICTS[verdict.kind]}>
            ${verdict.kind === 'inconclusive' ? 'inconclusive' : verdict.kind === 'pass' ? 'passes' : 'fails'}: ${verdict.text}
          </dd>
        </div>`
      }
    </dl>
    ${rolloutChart(name, { at, track, projected: rollout.projected, target: shown ?? '' })}
  </section>` as VNode
}

const VERDICTS = { pass: 'good', fail: 'wrong', inconclusive: 'between' } as const

function versionRow({ id, status, submittedAt, blame, copies }: RolloutVersion, at: number): VNode {
  return html`<tr key=${id}>
    <th scope="row"><code>${id}</code></th>
    <td><${State} state=${status} /></td>
    <td class="number">${age(at - Date.parse(submittedAt))}</td>
    <td>${Object.entries(copies).map(([region, key]) => html`<a class="copy" href=${pathOf(key)}>${region}</a> `)}</td>
    <td>${blame ?? ''}</td>
  </tr>` as VNode
}

/** What was planned, what was seen, and what is planned from now on, in order of time. */
function timeRows({ rollout, track, at }: RolloutPageState): readonly VNode[] {
  const of = (what: string, all: readonly Fractions[]): readonly { readonly what: string; readonly one: Fractions }[] => all.map((one) => ({ what, one })) // prettier-ignore
  const rows = [
    ...of('planned at first', track.planned),
    ...of('observed', track.observed),
    ...of(
      'planned now',
      rollout.projected.filter((one) => one.at > at),
    ),
  ]
  return rows
    .sort((a, b) => a.one.at - b.one.at)
    .map(
      ({ what, one }, i) =>
        html`<tr key=${i}>
          <td>${clock(new Date(one.at).toISOString())}</td>
          <td>${what}</td>
          ${rollout.regions.map(
            ({ name }) =>
              html`<td>
                ${Object.entries(one.fractions[name] ?? {})
                  .map(([id, fraction]) => `${shortId(id)} ${share(fraction)}`)
                  .join(', ')}
              </td>`,
          )}
        </tr>` as VNode,
    )
}

function share(fraction: number): string {
  return `${Math.round(fraction * 1_000) / 10} %`
}

/** In UTC, on the server as in the browser. */
function clock(iso: string): string {
  return `${iso.slice(11, 19)} UTC`
}
