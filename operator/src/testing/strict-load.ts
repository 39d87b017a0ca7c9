/** A client that counts everything and excuses nothing: no retry of its own; a status of 400 or more, a reset or a time-out is a lost request. */
import { Agent, request, type IncomingHttpHeaders } from 'node:http'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Answer {
  /** Body, or `undefined` when lost. */
  readonly body: string | undefined
  readonly error?: string
  /** Of the answer; empty without one. */
  readonly headers: IncomingHttpHeaders
  readonly method: string
  /** Milliseconds of `performance.now()`. */
  readonly start: number
  readonly end: number
}
export interface SendOptions {
  readonly agent?: Agent | false
  readonly method?: string
  /** @default / */
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly timeoutMs?: number
}

export function send(host: string, options: SendOptions = {}): Promise<Answer> {
  const { method = 'GET', path = '/', timeoutMs = 10_000 } = options
  let headers: IncomingHttpHeaders = {}
  const start = performance.now()
  return new Promise((resolve) => {
    const done = (body: string | undefined, error?: string) =>
      resolve({ body, ...(error === undefined ? {} : { error }), headers, method, start, end: performance.now() })
    const call = request(
      { host, port: 8080, method, path, agent: options.agent ?? false, headers: { ...options.headers }, timeout: timeoutMs },
      (response) => {
        let text = ''
        headers = response.headers
        response.setEncoding('utf8')
        response.on('data', (d: string) => (text += d))
        response.on('end', () => ((response.statusCode ?? 0) < 400 ? done(text) : done(undefined, `status ${response.statusCode}`)))
        response.on('error', (e) => done(undefined, e.message))
      },
    )
    call.on('timeout', () => call.destroy(new Error('timed out')))
    call.on('error', (e) => done(undefined, e.message))
    call.end(method === 'POST' ? 'x' : undefined)
  })
}

/** Exactly `count` requests, `width` at a time over kept connections; how many each body got. Lost ones count under `lost`. */
export async function countAnswers(
  host: string,
  count: number,
  { width = 8, headers = {} }: { readonly width?: number; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<Record<string, number>> {
  const agent = new Agent({ keepAlive: true, maxSockets: width })
  const seen: Record<string, number> = {}
  let left = count
  const worker = async () => {
    while (left-- > 0) {
      const { body = 'lost' } = await send(host, { agent, headers })
      seen[body] = (seen[body] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: width }, worker))
  agent.destroy()
  return seen
}

export interface Load {
  /** Ends the load once it has sent at least as many requests, waits for what is under way, and returns all answers. @throws Error when it ended before that */
  stop(atLeast: number): Promise<readonly Answer[]>
}

/** A load that nobody stops, of a test that failed, ends by itself. */
const LONGEST_MS = 300_000
/** More are not under way at once: after a standstill of the machine, a client that caught up would be the fault that it looks for. */
const MOST_IN_FLIGHT = 64
/** After a pause like this, connections that were closed meanwhile are noticed before the next request. */
const STOOD_STILL_MS = 1_000

/** `perSecond` requests a second at most, spread over the hosts, every fifth a POST, half of them over kept connections. */
export function startLoad(hosts: () => readonly string[], perSecond: number): Load {
  const agent = new Agent({ keepAlive: true, maxSockets: MOST_IN_FLIGHT })
  const answers: Promise<Answer>[] = []
  let inFlight = 0
  let least = Infinity
  const one = async (host: string, n: number): Promise<Answer> => {
    inFlight++
    const answer = await send(host, { agent: n % 2 === 0 ? agent : false, method: n % 5 === 0 ? 'POST' : 'GET' })
    inFlight--
    return answer
  }
  const run = async () => {
    const until = performance.now() + LONGEST_MS
    let ran = performance.now()
    for (let due = ran; answers.length < least && performance.now() < until; await sleep(5)) {
      if (performance.now() - ran > STOOD_STILL_MS) await sleep(250)
      ran = performance.now()
      for (; due <= performance.now(); due += 1_000 / perSecond) {
        const at = hosts()
        const n = answers.length
        const host = at[n % Math.max(1, at.length)]
        if (host !== undefined && inFlight < MOST_IN_FLIGHT) answers.push(one(host, n))
      }
    }
  }
  const running = run()
  return {
    async stop(atLeast) {
      least = atLeast
      await running
      const all = await Promise.all(answers)
      agent.destroy()
      if (all.length < atLeast) throw new Error(`the load has sent ${all.length} of ${atLeast} requests within ${LONGEST_MS / 1_000} s`)
      return all
    },
  }
}
