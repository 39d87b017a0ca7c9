/**
 * Which version a request reaches, for routes whose targets name one: what the request asks for, if
 * it is there, else by a number of the cycle, the user's own or the next of a counter. What is told
 * in the answer, too. Pure.
 *
 * Names, numbers and cookies are those of the operator's proxies (`docs/traffic.md`), which do the
 * same in HAProxy's own language.
 */
import { hash } from 'node:crypto'
import type { Affinity } from '../proxy.js'
import type { TargetState } from './target-state.js'

const VERSION_HEADER = 'x-weaver-version'
/** Of the query, too. */
const VERSION_COOKIE = 'weaver-version'
const NUMBER_COOKIE = 'weaver-bucket'
const CYCLE = 10_000
/** Coprime to the cycle, and near its golden section: short runs are interleaved. */
const STRIDE = 6_181
const CARRIERS = ['header', 'query', 'cookie'] as const
/** A link to a version holds for a day where nothing else is said. */
const DEFAULT_MAX_AGE_SECONDS = 86_400
/** A number says nothing of a version; another one would move the user. A year. */
const NUMBER_MAX_AGE_SECONDS = 31_536_000

type Carrier = (typeof CARRIERS)[number]

/** What a request says about its version. */
export interface VersionAsk {
  readonly asked: string | undefined
  readonly by: Carrier | undefined
  /** The version that its cookie names. */
  readonly cookie: string | undefined
  /** The user's number; undefined: the request has none. */
  readonly number: number | undefined
}

/** @param head as it is sent on: request line and fields */
export function readAsk(head: string, affinity: Affinity | undefined): VersionAsk {
  const key = affinity?.key
  const keyHeader = key !== undefined && 'header' in key ? key.header.toLowerCase() : undefined
  const keyCookie = key !== undefined && 'cookie' in key ? key.cookie : undefined
  let header: string | undefined
  let identity: string | undefined
  const cookies = new Map<string, string>()
  const lineEnd = head.indexOf('\r\n')
  for (let at = lineEnd + 2; at < head.length;) {
    const end = head.indexOf('\r\n', at)
    const colon = head.indexOf(':', at)
    if (end <= at || colon < 0 || colon > end) break
    const name = head.slice(at, colon).toLowerCase()
    // Of several, the last: what a proxy in front has added.
    if (name === VERSION_HEADER) header = head.slice(colon + 1, end).trim()
    else if (name === 'cookie') readCookies(head.slice(colon + 1, end), cookies)
    if (name === keyHeader) identity = head.slice(colon + 1, end).trim()
    at = end + 2
  }
  if (keyCookie !== undefined) identity = cookies.get(keyCookie)
  const cookie = cookies.get(VERSION_COOKIE) || undefined
  const carried = { header, query: queryVersion(head, lineEnd), cookie }
  const by = CARRIERS.find((carrier) => carried[carrier] !== undefined && (affinity?.carriers?.includes(carrier) ?? true))
  return { asked: by === undefined ? undefined : carried[by], by, cookie, number: numberOf(affinity, identity, cookies.get(NUMBER_COOKIE)) }
}

function numberOf(affinity: Affinity | undefined, identity: string | undefined, given: string | undefined): number | undefined {
  if (affinity === undefined) return undefined
  if (affinity.key === undefined) return given !== undefined && /^[0-9]{1,4}$/.test(given) ? Number(given) : undefined
  if (identity === undefined || identity === '') return undefined
  return hash('sha256', identity, 'buffer').readUInt32BE(0) % CYCLE
}

function readCookies(field: string, into: Map<string, string>): void {
  for (const pair of field.split(';')) {
    const equals = pair.indexOf('=')
    const name = pair.slice(0, equals).trim()
    if (equals > 0) into.set(name, pair.slice(equals + 1).trim())
  }
}

function queryVersion(head: string, lineEnd: number): string | undefined {
  const line = head.slice(0, lineEnd)
  const from = line.indexOf('?')
  if (from < 0) return undefined
  const pair = line
    .slice(from + 1, line.lastIndexOf(' '))
    .split(/[&;]/)
    .find((one) => one.startsWith(`${VERSION_COOKIE}=`))
  return pair?.slice(VERSION_COOKIE.length + 1) || undefined
}

export interface VersionTurn {
  readonly target: TargetState | undefined
  /** Where the counter gave the number. */
  readonly counted: number | undefined
}

/** The versions of one route. */
export class VersionChoice {
  readonly affinity: Affinity | undefined
  readonly #targets: readonly TargetState[]
  #count: number
  #asked = 0

  constructor(affinity: Affinity | undefined, targets: readonly TargetState[], count: number) {
    this.affinity = affinity
    this.#targets = targets
    this.#count = count
  }

  /** How far the counter is: a choice that takes the place of this one goes on from there. */
  get count(): number {
    return this.#count
  }

  /** @returns undefined for a request that any version may answer: whose turn it is, goes by weight alone */
  turn({ asked, number }: VersionAsk): VersionTurn | undefined {
    const live = asked === undefined ? [] : this.#targets.filter(({ version, backends }) => version === asked && backends.length > 0)
    // A version in several regions: where it has weight, in turn.
    const usable = live.filter(({ backends }) => backends.some(({ isUsable }) => isUsable))
    const weighted = usable.filter(({ weight }) => weight > 0)
    const among = weighted.length > 0 ? weighted : usable.length > 0 ? usable : live
    if (among.length > 0) return { target: among[this.#asked++ % among.length], counted: undefined }
    if (this.affinity === undefined) return undefined
    if (number !== undefined) return { target: this.#ofNumber(number), counted: undefined }
    const counted = (this.#count * STRIDE) % CYCLE
    this.#count = (this.#count + 1) % CYCLE
    return { target: this.#ofNumber(counted), counted }
  }

  /** Each target has a part of the cycle, in their order. */
  #ofNumber(number: number): TargetState | undefined {
    const total = this.#targets.reduce((sum, { weight }) => sum + weight, 0)
    let until = 0
    for (const target of this.#targets) {
      until += target.weight
      if (number * total >= until * CYCLE) continue
      target.chosen++
      return target
    }
    return undefined
  }

  /** What the answer of this version says besides. */
  answerFields(version: string, { asked, by, cookie }: VersionAsk, counted: number | undefined): readonly (readonly [string, string])[] {
    const { affinity } = this
    const isLost = asked !== undefined && asked !== version
    const isKept = affinity?.mode === 'newSessionsOnly' ? by !== 'header' : by === 'query' && !isLost
    const attributes = (seconds: number) => `Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Lax`
    const sessionSeconds = affinity?.maxAgeSeconds ?? DEFAULT_MAX_AGE_SECONDS
    const fields: (readonly [string, string])[] = [['weaver-version', version]]
    if (isLost) fields.push(['weaver-version-pin', 'not-live'])
    if (isKept && cookie !== version) fields.push(['set-cookie', `${VERSION_COOKIE}=${version}; ${attributes(sessionSeconds)}`])
    else if (isLost && !isKept && by !== 'header' && cookie !== undefined)
      fields.push(['set-cookie', `${VERSION_COOKIE}=; Path=/; Max-Age=0`])
    if (counted !== undefined && affinity?.mode === 'monotone' && affinity.key === undefined)
      fields.push(['set-cookie', `${NUMBER_COOKIE}=${counted}; ${attributes(NUMBER_MAX_AGE_SECONDS)}`])
    return fields
  }
}
