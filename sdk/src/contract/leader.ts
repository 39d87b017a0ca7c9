/**
 * Messages between a candidate for the leadership of a component and its deployer, as JSON.
 *
 *     weavelet → deployer, on `leaderSubject`         LeaderRequest, with an inbox for the answer
 *     deployer → weavelet, on that inbox              LeaderAnswer
 *     deployer → candidates, on `leaderPollSubject`   empty: something changed, request again
 *
 * An answer returns the time of its request: the candidate counts a lease from the moment of the
 * request, on its own clock, and the deployer from a later one. So the candidate's lease ends
 * first, whatever the two clocks show.
 */
import { subjectToken } from './subjects.js'

/**
 * Among which replicas exactly one leads: those of one version, or those of all versions of the
 * application that run side by side.
 */
export type LeaderScope = 'version' | 'app'

/**
 * Duration of a lease, in milliseconds. An operator that is replaced must be back before leaders
 * have to stop.
 */
export const LEASE_MS = 30_000
/**
 * The last part of a lease, in which its holder no longer leads: time for its work to stop, and for
 * clocks of different speeds.
 */
export const LEASE_MARGIN = 0.2
/** A lease is renewed, and requested, whenever this part of it has passed. */
export const LEASE_RENEWAL: number = 1 / 3

export interface LeaderRequest {
  /** `ask` requests or renews the lease; `release` gives it back. */
  readonly kind: 'ask' | 'release'
  readonly component: string
  readonly replica: string
  /**
   * Identifies the candidacy. A replica that lost a lease becomes a candidate again with a new
   * term.
   */
  readonly term: string
  /** The candidate's own clock, in milliseconds from an arbitrary start. */
  readonly askedAt: number
}

export type LeaderAnswer =
  /** `token` is greater than that of every earlier lease of the component. */
  | { readonly kind: 'granted'; readonly askedAt: number; readonly leaseMs: number; readonly token: number }
  | { readonly kind: 'refused'; readonly askedAt: number; readonly leaseMs: number }

/** The subject on which candidates of a component are notified to request again. */
export function leaderPollSubject(deploymentId: string, component: string): string {
  return `wv.${subjectToken(deploymentId)}.ctl.l.${subjectToken(component)}`
}

export function encodeLeader(message: LeaderRequest | LeaderAnswer): Uint8Array {
  return Buffer.from(JSON.stringify(message))
}

/** @returns `undefined` for bytes that are not a request */
export function parseLeaderRequest(data: Uint8Array): LeaderRequest | undefined {
  const found = parseObject(data)
  if (found?.['kind'] !== 'ask' && found?.['kind'] !== 'release') return undefined
  const isWhole =
    ['component', 'replica', 'term'].every((key) => typeof found[key] === 'string' && found[key] !== '') &&
    Number.isFinite(found['askedAt'])
  return isWhole ? (found as unknown as LeaderRequest) : undefined // checked above
}

/** @returns `undefined` for bytes that are not an answer */
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
    return undefined // anyone who may publish here can send anything
  }
}
