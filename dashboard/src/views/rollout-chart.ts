/** Shares of traffic over time in one region: planned at first, observed, and planned from now on. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { RolloutTrack } from '../rollout/rollout-history.js'
import type { Fractions } from '../rollout/rollout-source.js'

const WIDTH = 900
const HEIGHT = 130
const LEFT = 46
const TOP = 8
const BOTTOM = 24

export interface ChartOf {
  readonly at: number
  readonly track: RolloutTrack
  readonly projected: readonly Fractions[]
  /** The version whose share it is. */
  readonly target: string
}

export function rolloutChart(region: string, { at, track, projected, target }: ChartOf): VNode | false {
  const { planned, observed } = track
  const ends = [planned.at(-1)?.at ?? at, projected.at(-1)?.at ?? at, at]
  const from = Math.min(planned[0]?.at ?? at, observed[0]?.at ?? at)
  const to = Math.max(...ends, from + 1_000)
  const x = (time: number): number => LEFT + ((time - from) / (to - from)) * (WIDTH - LEFT - 8)
  const y = (fraction: number): number => TOP + (1 - fraction) * (HEIGHT - TOP - BOTTOM)
  const of = (one: Fractions): number => one.fractions[region]?.[target] ?? 0
  const others = (one: Fractions): number => sum(Object.values(one.fractions[region] ?? {})) - of(one)
  const stairs = (all: readonly Fractions[], read: (one: Fractions) => number, until: number): string =>
    all.map((one, i) => `${i === 0 ? 'M' : `H${x(one.at).toFixed(1)}V`}${i === 0 ? `${x(one.at).toFixed(1)} ` : ''}${y(read(one)).toFixed(1)}`).join('') + (all.length === 0 ? '' : `H${x(until).toFixed(1)}`) // prettier-ignore
  if (observed.length === 0) return false
  const seen = stairs(observed, of, at)
  const begin = x(observed[0]?.at ?? at).toFixed(1)
  return html`<figure class="chart">
    <svg
      viewBox=${`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label=${`Shares of traffic in ${region} over time; the table below says the same`}
    >
      ${[0, 0.5, 1].map(
        (part) =>
          html`<path class="grid" d=${`M${LEFT} ${y(part)}H${WIDTH - 8}`} />
            <text class="tick" x=${LEFT - 6} y=${y(part) + 4}>${part * 100} %</text>`,
      )}
      <path class="area" d=${`${seen}V${y(0)}H${begin}Z`} />
      <path class="old" d=${stairs(observed, others, at)} />
      <path class="plan" d=${stairs(planned, of, planned.at(-1)?.at ?? at)} />
      <path class="new" d=${seen} />
      ${projected.length > 1 && html`<path class="next" d=${stairs(projected, of, to)} />`}
      <path class="now" d=${`M${x(at).toFixed(1)} ${TOP}V${HEIGHT - BOTTOM}`} />
      <text class="time" x=${LEFT} y=${HEIGHT - 6}>${clock(from)}</text>
      ${to - at > (to - from) / 5 && html`<text class="time end" x=${WIDTH - 8} y=${HEIGHT - 6}>${clock(to)}</text>`}
      ${at - from > (to - from) / 5 && html`<text class="time mid" x=${Math.min(x(at), WIDTH - 40)} y=${HEIGHT - 6}>now</text>`}
    </svg>
    <figcaption>
      <span class="key new">new version, observed</span>
      <span class="key old">other versions, observed</span>
      <span class="key plan">new version, as first planned</span>
      ${projected.length > 1 && html`<span class="key next">new version, planned from now on</span>`}
    </figcaption>
  </figure>` as VNode
}

function sum(all: readonly number[]): number {
  return all.reduce((total, one) => total + one, 0)
}

function clock(time: number): string {
  return new Date(time).toISOString().slice(11, 19)
}
