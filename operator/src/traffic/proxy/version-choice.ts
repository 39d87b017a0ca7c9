/**
 * The lines of a frontend that choose the version of a request, and say in the answer which one it
 * was. Pure.
 *
 * First the version that the request asks for (`asked`), if it is live (`pin`). Otherwise a number
 * of the cycle of 10,000 (`n`): the user's own where there is an affinity, else the next of a
 * counter that walks the cycle in golden-ratio steps (6181 is coprime to 10,000), so that every
 * 10,000 requests are split exactly and short runs are interleaved. The plan gives each version a
 * part of the cycle. With two versions a part only grows at its edge, so a user with a number of
 * their own changes version once in a rollout, and back only when the rollout is given up.
 */
import type { TrafficAffinity } from '../driver.js'
import { CYCLE, SLOTS } from './slots.js'

/** By these a request asks for one version, in this order; the query and the cookie have one name. */
const VERSION_HEADER = 'x-weaver-version'
const VERSION_COOKIE = 'weaver-version'
/** The number of a user whom nothing else identifies. */
const NUMBER_COOKIE = 'weaver-bucket'
/** Counts, by listener, the requests that the counter numbered and those whose pin was lost. */
export const SPLIT_TABLE = 'weaver_split'
const CARRIERS = ['header', 'query', 'cookie'] as const

export interface ChoiceMaps {
  readonly plan: string
  readonly versions: string
  readonly preview: string
}

export function versionChoice(listener: string, maps: ChoiceMaps, affinity: TrafficAffinity | undefined): string[] {
  return [...askedVersion(maps, affinity), ...userNumber(affinity), ...versionOfNumber(listener, maps), ...answerLines(maps, affinity)]
}

const FETCHES = { header: `req.fhdr(${VERSION_HEADER})`, query: `url_param(${VERSION_COOKIE})`, cookie: `req.cook(${VERSION_COOKIE})` }

function askedVersion({ preview }: ChoiceMaps, affinity: TrafficAffinity | undefined): string[] {
  const carriers = CARRIERS.filter((c) => affinity?.carriers?.includes(c) ?? true)
  return [
    `  http-request set-var(txn.cookie) ${FETCHES.cookie}`,
    ...carriers.flatMap((carrier) => [
      `  http-request set-var(txn.asked) ${FETCHES[carrier]} unless { var(txn.asked) -m found }`,
      // `by` is set once: by the carrier that gave the version.
      `  http-request set-var(txn.by) str(${carrier}) if { var(txn.asked) -m found } !{ var(txn.by) -m found }`,
    ]),
    `  http-request set-var(txn.pin) var(txn.asked),map(${preview})`,
    '  acl pinned var(txn.pin) -m found',
    '  acl asked var(txn.asked) -m found',
  ]
}

function userNumber(affinity: TrafficAffinity | undefined): string[] {
  const key = affinity?.key
  const own =
    affinity === undefined
      ? []
      : key === undefined
        ? [
            `  http-request set-var(txn.n) req.cook(${NUMBER_COOKIE}),mod(${CYCLE}) if !pinned { req.cook(${NUMBER_COOKIE}) -m reg ^[0-9]{1,4}$ }`,
          ]
        : [
            `  http-request set-var(txn.key) ${'header' in key ? `req.fhdr(${key.header})` : `req.cook(${key.cookie})`}`,
            `  http-request set-var(txn.n) var(txn.key),xxh32(0),mod(${CYCLE}) if !pinned { var(txn.key) -m len gt 0 }`,
          ]
  return own
}

/**
 * Fields of the plan: backends at odd places, thresholds at even ones. Rules run from the last
 * threshold to the first, so the first that applies wins.
 */
function versionOfNumber(listener: string, { plan }: ChoiceMaps): string[] {
  const thresholds = SLOTS.slice(1).map((_, i) => i + 1)
  return [
    `  http-request track-sc0 str(${listener}) table ${SPLIT_TABLE} unless pinned`,
    '  http-request sc-inc-gpc1(0) if asked !pinned',
    '  http-request set-var(txn.counted) bool(true) if !pinned !{ var(txn.n) -m found }',
    `  http-request set-var(txn.n) sc0_inc_gpc0,mul(6181),mod(${CYCLE}) if { var(txn.counted) -m found }`,
    `  http-request set-var(txn.plan) str(${listener}),map(${plan}) unless pinned`,
    ...thresholds.map((i) => `  http-request set-var(txn.t${i}) var(txn.plan),field(${2 * i},:) unless pinned`),
    ...thresholds.map((i) => `  http-request set-var(txn.d${i}) var(txn.n),sub(txn.t${i}) unless pinned`),
    `  http-request set-var(txn.be) var(txn.plan),field(${2 * SLOTS.length - 1},:) unless pinned`,
    ...thresholds
      .toReversed()
      .map((i) => `  http-request set-var(txn.be) var(txn.plan),field(${2 * i - 1},:) if !pinned { var(txn.d${i}) -m int lt 0 }`),
    '  use_backend %[var(txn.pin)] if pinned',
    '  use_backend %[var(txn.be)]',
  ]
}

/**
 * A version asked for by a link, or by a session that began on it, is kept in a cookie: what the
 * page asks for next carries no query.
 */
function answerLines({ versions, preview }: ChoiceMaps, affinity: TrafficAffinity | undefined): string[] {
  const attributes = (seconds: number) => `Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Lax`
  const sessionAttributes = attributes(affinity?.maxAgeSeconds ?? DEFAULT_MAX_AGE_SECONDS)
  const lost = '{ var(txn.asked) -m found } !{ var(txn.pin) -m found }'
  const keep =
    affinity?.mode === 'newSessionsOnly' ? '!{ var(txn.by) -m str header }' : '{ var(txn.by) -m str query } { var(txn.pin) -m found }'
  return [
    `  http-response set-var(txn.version) be_name,map(${versions})`,
    // Of a version that is leaving nothing is said: who comes again reaches another one.
    '  http-response unset-var(txn.version) if { var(txn.version) -m str -- - }',
    '  http-response set-header weaver-version %[var(txn.version)] if { var(txn.version) -m found }',
    `  http-response set-header weaver-version-pin not-live if ${lost}`,
    `  http-response set-var(txn.keep) bool(true) if ${keep}`,
    `  http-response add-header set-cookie "${VERSION_COOKIE}=%[var(txn.version)]; ${sessionAttributes}" if { var(txn.keep) -m found } { var(txn.version),map(${preview}) -m found } !{ var(txn.cookie),strcmp(txn.version) eq 0 }`,
    `  http-response add-header set-cookie "${VERSION_COOKIE}=; Path=/; Max-Age=0" if { var(txn.cookie) -m found } ${lost} !{ var(txn.keep) -m found } !{ var(txn.by) -m str header }`,
    ...(affinity !== undefined && affinity.key === undefined && affinity.mode === 'monotone'
      ? [
          `  http-response add-header set-cookie "${NUMBER_COOKIE}=%[var(txn.n)]; ${attributes(NUMBER_MAX_AGE_SECONDS)}" if { var(txn.counted) -m found }`,
        ]
      : []),
  ]
}

/** A link to a version holds for a day where nothing else is said. */
const DEFAULT_MAX_AGE_SECONDS = 86_400
/** A number says nothing of a version; another one would move the user. A year. */
const NUMBER_MAX_AGE_SECONDS = 31_536_000
