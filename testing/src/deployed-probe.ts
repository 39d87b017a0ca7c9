/**
 * The application `examples/probe` as the conformance suite sees it: deployed, asked over HTTP,
 * stopped.
 */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LogEntry } from '@weaver/sdk/contract'
import type { DeployedProbe, DeployerUnderTest, ProbeOptions } from './deployer-under-test.js'

const SETTLE_MS = 20_000

/** As the application answers. */
export interface Identity {
  readonly component: string
  readonly pid: number
  readonly deploymentId: string
  readonly versionId: string
  readonly replica: string
  readonly mark: string
  readonly startedAt: number
}
/** Of the component `probe/Store`. */
export interface Keeper {
  readonly replica: string
  readonly pid: number
  readonly leads: boolean
}
/** What is answered with 503: the error of the call. */
export interface Refusal {
  readonly name: string
  readonly code?: string
  readonly message: string
}

/**
 * Deploys, and stops in any case. The stop must be clean, unless a process was killed on purpose.
 */
export async function withProbe(
  deployer: DeployerUnderTest,
  options: ProbeOptions,
  body: (probe: DeployedProbe) => Promise<void>,
  { isKilled = false }: { readonly isKilled?: boolean } = {},
): Promise<void> {
  const probe = await deployer.deploy(options)
  try {
    await body(probe)
  } catch (error) {
    await probe.stop().catch(() => undefined) // what the check says is more
    throw error
  }
  const wrong = await probe.stop()
  if (!isKilled) assert.equal(wrong, undefined)
}

/** The application must not start, and the reason must say all of this. */
export async function refused(
  deployer: DeployerUnderTest,
  config: NonNullable<ProbeOptions['config']>,
  says: readonly RegExp[],
): Promise<void> {
  const outcome = await deployer.deploy({ config }).catch((error: unknown) => error)
  if (!(outcome instanceof Error)) {
    await (outcome as DeployedProbe).stop()
    assert.fail('the application was deployed')
  }
  for (const pattern of says) assert.match(outcome.message, pattern)
}

/** @throws AssertionError when the application answers with an error */
export async function ask<T>(url: string, question: string): Promise<T> {
  const response = await fetch(url + question)
  const answer = (await response.json()) as unknown
  assert.equal(response.status, 200, `${question}: ${JSON.stringify(answer)}`)
  return answer as T // as examples/probe answers
}

export async function refusal(url: string, question: string): Promise<Refusal> {
  const response = await fetch(url + question)
  const answer = (await response.json()) as unknown
  assert.equal(response.status, 503, `${question} did not fail: ${JSON.stringify(answer)}`)
  return answer as Refusal // as examples/probe answers
}

/** Who answers for Main, for Middle that it calls, and for Back that Middle calls. */
export function chain(url: string): Promise<readonly [main: Identity, middle: Identity, back: Identity]> {
  return ask(url, '/chain')
}

export async function logsOf(probe: DeployedProbe): Promise<readonly LogEntry[]> {
  assert.ok(probe.logs !== undefined, 'a deployer that can do "logs" gives them')
  return probe.logs()
}

export async function eventually<T>(what: string, look: () => Promise<T | undefined>, withinMs: number = SETTLE_MS): Promise<T> {
  for (const until = Date.now() + withinMs; ; await sleep(100)) {
    const found = await look()
    if (found !== undefined) return found
    if (Date.now() > until) assert.fail(`${what} did not come within ${withinMs / 1_000} s`)
  }
}
