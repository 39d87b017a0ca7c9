/**
 * What a candidate for the leadership of a component and its deployer tell each other, as JSON.
 *
 *     weavelet → deployer, on `leaderSubject`         LeaderRequest, with an inbox of the candidate to answer to
 *     deployer → weavelet, on that inbox              LeaderAnswer
 *     deployer → candidates, on `leaderPollSubject`   an empty message: something changed, ask again now
 *
 * A time in a request comes back in its answer: the candidate counts a lease from the moment at which it asked, on its own clock, and the deployer from a
 * later one. So the candidate's lease ends first, whatever the two clocks show.
 */
import { subjectToken } from './subjects.js'

/** Where exactly one replica leads: among those of one version, or among those of all versions of the application that run beside each other. */
export type LeaderScope = 'version' | 'app'

/** How long a lease is given for, in milliseconds. An operator that is replaced must be back before leaders have to stop. */
export const LEASE_MS = 30_000
/** The part of a lease, at its end, in which its holder is no leader any more: time for its work to stop, and for clocks that run at different speeds. */
export const LEASE_MARGIN = 0.2
/** A lease is renewed, and asked for, each time this part of it is over. */
export const LEASE_RENEWAL: number = 1 / 3

export interface LeaderRequest {
  /** `ask`: for the lease, or for its renewal; `release`: it is not needed any more. */
  readonly kind: 'ask' | 'release'
  readonly component: string
  readonly replica: string
  /** Of this candidature. Whoever has lost a lease is a candidate anew, with another term. */
  readonly term: string
  /** The candidate's own clock, in milliseconds since whenever. */
  readonly askedAt: number
}

export type LeaderAnswer =
  /** `token` is greater than that of every lease of the component that was given before. */
  | { readonly kind: 'granted'; readonly askedAt: number; readonly leaseMs: number; readonly token: number }
  | { readonly kind: 'refused'; readonly askedAt: number; readonly leaseMs: number }

/** Where candidates of a component hear that they should ask again. */
export function leaderPollSubject(deploymentId: string, component: string): string {
  return `wv.${subjectToken(deploymentId)}.ctl.l.${subjectToken(component)}`
}

export function encodeLeader(message: LeaderRequest | LeaderAnswer): Uint8Array {
  return Buffer.from(JSON.stringify(message))
}

/** @returns `undefined` for bytes that are no request. */
export function parseLeaderRequest(data: Uint8Array): LeaderRequest | undefined {
  const found = parseObject(data)
  if (found?.['kind'] !== 'ask' && found?.['kind'] !== 'release') return undefined
  const isWhole =
    ['component', 'replica', 'term'].every((key) => typeof found[key] === 'string' && found[key] !== '') &&
    Number.isFinite(found['askedAt'])
  return isWhole ? (found as unknown as LeaderRequest) : undefined // checked above
}

/** @returns `undefined` for bytes that are no answer. */
export function parseLeaderAnswer(data: Uint8Array): LeaderAnswer | undefined {
  const found = parseObject(data)
  if (!Number.isFinite(found?.['askedAt']) || !((found?.['leaseMs'] as number) > 0)) return undefined // anything else compares as false
  if (found?.['kind'] === 'refused') return found as unknown as LeaderAnswer // checked above
  return found?.['kind'] === 'granted' && Number.isSafeInteger(found['token']) ? (found as unknown as LeaderAnswer) : undefined // checked above
}

function parseObject(data: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(data).toString('utf8'))
    return typeof parsed === 'object' && parsed !== null ? (parsed as Readonly<Record<string, unknown>>) : undefined
  } catch {
    return undefined // whoever may publish here can send anything
  }
}
