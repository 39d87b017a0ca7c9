/**
 * The application `examples/probe` as the conformance suite sees it: deployed, asked over HTTP,
 * stopped.
 */
import assert from 'node:assert/strict'
import { request } from 'node:http'
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

/** Where a probe is asked. */
export type Asked = Pick<DeployedProbe, 'url' | 'host'>

export interface Answer {
  readonly status: number
  /** `undefined`: what answered is not the probe, which always does it with JSON. */
  readonly body: unknown
}

/** Over a connection of its own. @throws Error when nobody answers */
export function get({ url, host }: Asked, question: string): Promise<Answer> {
  const headers = host === undefined ? {} : { host }
  return new Promise((resolve, reject) => {
    request(url + question, { headers, agent: false }, (response) => {
      let text = ''
      response
        .setEncoding('utf8')
        .on('data', (part: string) => (text += part))
        .on('error', reject)
        .on('end', () => {
          const isProbe = response.headers['content-type'] === 'application/json'
          resolve({ status: response.statusCode ?? 0, body: isProbe ? (JSON.parse(text) as unknown) : undefined })
        })
    })
      .on('error', reject)
      .end()
  })
}

/** @throws AssertionError when the application answers with an error */
export async function ask<T>(probe: Asked, question: string): Promise<T> {
  const { status, body } = await get(probe, question)
  assert.equal(status, 200, `${question}: ${JSON.stringify(body)}`)
  return body as T // as examples/probe answers
}

export async function refusal(probe: Asked, question: string): Promise<Refusal> {
  const { status, body } = await get(probe, question)
  assert.equal(status, 503, `${question} did not fail: ${JSON.stringify(body)}`)
  return body as Refusal // as examples/probe answers
}

/** Who answers for Main, for Middle that it calls, and for Back that Middle calls. */
export function chain(probe: Asked): Promise<readonly [main: Identity, middle: Identity, back: Identity]> {
  return ask(probe, '/chain')
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
