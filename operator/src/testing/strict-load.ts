/** A client that counts everything and excuses nothing: no retry of its own; a status of 400 or more, a reset or a time-out is a lost request. */
import { Agent, request } from 'node:http'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Answer {
  /** Body, or `undefined` when lost. */
  readonly body: string | undefined
  readonly error?: string
  readonly method: string
  /** Milliseconds of `performance.now()`. */
  readonly start: number
  readonly end: number
}
export interface SendOptions {
  readonly agent?: Agent | false
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly timeoutMs?: number
}

export function send(host: string, options: SendOptions = {}): Promise<Answer> {
  const { method = 'GET', timeoutMs = 10_000 } = options
  const start = performance.now()
  return new Promise((resolve) => {
    const done = (body: string | undefined, error?: string) =>
      resolve({ body, ...(error === undefined ? {} : { error }), method, start, end: performance.now() })
    const call = request(
      { host, port: 8080, method, path: '/', agent: options.agent ?? false, headers: { ...options.headers }, timeout: timeoutMs },
      (response) => {
        let text = ''
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
  /** Ends the load, waits for what is under way, and returns all answers. */
  stop(): Promise<readonly Answer[]>
}

/** Open loop: `perSecond` requests a second, spread over the hosts, every fifth a POST, half of them over kept connections. Ends by itself after 60 s. */
export function startLoad(hosts: () => readonly string[], perSecond: number): Load {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  const answers: Promise<Answer>[] = []
  const begin = performance.now()
  const halt = new AbortController()
  const run = async () => {
    while (!halt.signal.aborted && performance.now() - begin < 60_000) {
      const due = ((performance.now() - begin) / 1_000) * perSecond
      while (answers.length < due) {
        const n = answers.length
        const at = hosts()
        const host = at[n % Math.max(1, at.length)]
        if (host === undefined) break
        answers.push(send(host, { agent: n % 2 === 0 ? agent : false, method: n % 5 === 0 ? 'POST' : 'GET' }))
      }
      await sleep(5)
    }
  }
  const running = run()
  return {
    async stop() {
      halt.abort()
      await running
      const all = await Promise.all(answers)
      agent.destroy()
      return all
    },
  }
}
