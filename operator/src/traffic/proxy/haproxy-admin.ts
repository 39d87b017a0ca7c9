/**
 * The command line of one running HAProxy, over one long connection in prompt mode. Commands are
 * pipelined: many are written at once, answers come in order, each ending with a new prompt.
 * Answers are prose; `proxy-commands.ts` knows which mean success.
 *
 * I1  After any failure (time limit, closed connection) the connection is discarded with everything
 *     that waits on it, so an answer is never attributed to another command.
 * I2  A new connection may lead to a new process; a caller that needs to know reads `Pid` over it.
 */
import type { Socket } from 'node:net'
import { reasonOf } from '@weaver/sdk/contract'
import { operatorError } from '../../errors/catalogue.js'

const PROMPT = '\n> '
/** HAProxy answers within a millisecond; its worst under load was 90. */
const DEFAULT_TIMEOUT_MS = 5_000
/** `tune.bufsize` is 16 KiB: a longer line is refused, and so is a batch that is not read. */
const MAX_BATCH_BYTES = 8_000

export interface AdminOptions {
  /** Name of the proxy in messages: its pod. */
  readonly name: string
  /** Opens the connection; resolves when commands may be written. */
  readonly dial: () => Promise<Socket>
  /** Longest wait for one batch of answers, connecting included. @default 5000 */
  readonly timeoutMs?: number
}
export interface HaproxyAdmin {
  /**
   * Sends commands and returns their answers in order, without trailing space.
   * @throws WeaverError `WEAVER_PROXY_ADMIN`: not reached, closed, or silent for too long. Some of
   * the commands may have been carried out.
   */
  run(commands: readonly string[]): Promise<readonly string[]>
  close(): void
}

interface Waiter {
  readonly resolve: (answer: string) => void
  readonly reject: (error: Error) => void
}

export function createHaproxyAdmin(options: AdminOptions): HaproxyAdmin {
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS
  let session: { readonly socket: Socket; readonly waiters: Waiter[] } | undefined
  /** Batches run one after the other. */
  let turn: Promise<unknown> = Promise.resolve()
  let isClosed = false

  const failed = (what: string, cause?: unknown) =>
    operatorError('WEAVER_PROXY_ADMIN', `proxy "${options.name}": ${what}`, cause === undefined ? {} : { cause })

  const drop = (error: Error) => {
    const old = session
    session = undefined
    old?.socket.destroy()
    for (const waiter of old?.waiters.splice(0) ?? []) waiter.reject(error)
  }

  const open = async (): Promise<NonNullable<typeof session>> => {
    let socket: Socket
    try {
      socket = await options.dial()
    } catch (cause) {
      throw failed(`its administration port cannot be reached: ${reasonOf(cause)}`, cause)
    }
    const own = { socket, waiters: [] as Waiter[] }
    let text = ''
    socket.setEncoding('utf8')
    socket.setKeepAlive(true, 15_000)
    socket.on('data', (chunk: string) => {
      text += chunk
      for (let end = text.indexOf(PROMPT); end >= 0; end = text.indexOf(PROMPT)) {
        own.waiters.shift()?.resolve(text.slice(0, end).trim())
        text = text.slice(end + PROMPT.length)
      }
    })
    const end = (error: Error) => {
      if (session === own) drop(error)
      else for (const waiter of own.waiters.splice(0)) waiter.reject(error)
    }
    socket.on('error', (cause) => end(failed(`its administration connection failed: ${cause.message}`, cause)))
    socket.on('close', () => end(failed('it closed its administration connection (is the client certificate the right one?)')))
    session = own
    await exchange(own, ['prompt'])
    return own
  }

  const exchange = (own: NonNullable<typeof session>, commands: readonly string[]): Promise<string[]> => {
    const answers = commands.map((_, i) =>
      new Promise<string>((resolve, reject) => void (own.waiters[own.waiters.length] = { resolve, reject })).catch((error: unknown) => {
        throw failed(`no answer to "${commands[i] ?? ''}": ${reasonOf(error)}`, error)
      }),
    )
    own.socket.write(commands.map((c) => `${c}\n`).join(''))
    return Promise.all(answers)
  }

  const batches = (commands: readonly string[]): string[][] => {
    const out: string[][] = []
    let size = MAX_BATCH_BYTES
    for (const command of commands) {
      if (/[\n;<]/.test(command)) throw failed(`"${command}" is not one command`)
      if (size + command.length + 1 > MAX_BATCH_BYTES) {
        out.push([])
        size = 0
      }
      out.at(-1)?.push(command)
      size += command.length + 1
    }
    return out
  }

  const attempt = async (commands: readonly string[]): Promise<readonly string[]> => {
    if (isClosed) throw failed('its administration connection was closed by the operator')
    let timer: NodeJS.Timeout | undefined
    const limit = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const error = failed(`no answer within ${timeoutMs} ms to "${commands[0] ?? ''}"`)
        reject(error)
        drop(error)
      }, timeoutMs)
    })
    const work = async () => {
      const own = session ?? (await open())
      const answers: string[] = []
      for (const batch of batches(commands)) answers.push(...(await exchange(own, batch)))
      return answers
    }
    const working = work()
    // When the limit wins, the outcome of the work is known already.
    working.catch(() => undefined)
    try {
      return await Promise.race([working, limit])
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    run(commands) {
      const mine = turn.then(() => attempt(commands))
      turn = mine.catch(() => undefined)
      return mine
    },
    close() {
      isClosed = true
      drop(failed('its administration connection was closed by the operator'))
    },
  }
}

/**
 * Answers that mean success, beside the empty one. Everything else is a refusal, named with its
 * command.
 */
const GOOD = [/^New server registered\.?$/, /^Server deleted\.?$/, /^IP changed from/, /^port changed from/, /^no need to change/]

/** Why a command that changes something failed; `undefined`: it did not. */
export function refusalOf(command: string, answer: string): string | undefined {
  if (answer === '' || GOOD.some((g) => g.test(answer))) return undefined
  return `"${command}" was refused: ${answer.split('\n')[0] ?? ''}`
}
