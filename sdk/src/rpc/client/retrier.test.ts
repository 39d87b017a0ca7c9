import { jest } from '@jest/globals'
import { NEVER } from '../../context/context.js'
import { processNow } from '../../context/process-clock.js'
import { failure } from '../../errors/remote-call-error.js'
import type { Transport } from '../transport/transport.js'
import type { CallLine } from './call-line.js'
import type { Attempt } from './pending-call.js'
import { Retrier } from './retrier.js'

// Time stands still here, and the line to the broker is a fake that always fails: what counts is
// when attempts are made, on any machine.
beforeEach(() => void jest.useFakeTimers())
afterEach(() => void jest.useRealTimers())

const nobody = () => failure('WEAVER_RPC_UNAVAILABLE', 'nobody serves it', false)

/**
 * A call that nobody listens for.
 * @returns when it was tried again and when it failed, in milliseconds since its first attempt
 */
async function tryAgain(
  timeoutMs: number,
): Promise<{ readonly attempts: readonly number[]; readonly endedAt: number; readonly error: unknown }> {
  const start = processNow()
  const attempts: number[] = []
  const line = {
    target: { component: 'shop/Cart', methods: [{ name: 'add' }], notRetriable: new Set() },
    sendNow() {
      attempts.push(processNow() - start)
      return Promise.reject(nobody())
    },
  } as unknown as CallLine // what the retrier uses of it
  const transport = { isConnected: true, takesCalls: true, unsettledUntil: 0 } as Transport // the same
  const call = { method: 0, args: [], now: { signal: NEVER }, deadline: start + timeoutMs, owner: undefined } as unknown as Attempt // the same
  const ended = new Retrier(transport).goOn(line, call, nobody()).catch((error: unknown) => ({ error, endedAt: processNow() - start }))
  await jest.advanceTimersByTimeAsync(60_000)
  return { attempts, ...((await ended) as { readonly error: unknown; readonly endedAt: number }) }
}

it('tries a call that nobody listens for again for a while, with longer and longer waits', async () => {
  const { attempts, endedAt, error } = await tryAgain(30_000)
  expect(error).toMatchObject({ code: 'WEAVER_RPC_UNAVAILABLE', mayHaveRun: false })
  expect(attempts.length).toBeGreaterThan(5)
  expect(attempts.length).toBeLessThan(25)
  expect(endedAt).toBeGreaterThanOrEqual(900)
  expect(endedAt).toBeLessThanOrEqual(1_100)
})

it('makes no attempt past the deadline, and does not wait for it in vain', async () => {
  for (let run = 0; run < 20; run++) {
    const { attempts, endedAt, error } = await tryAgain(300)
    expect(error).toMatchObject({ code: 'WEAVER_RPC_UNAVAILABLE', mayHaveRun: false })
    expect(Math.max(...attempts)).toBeLessThan(300)
    expect(endedAt).toBeLessThan(300)
    expect(endedAt).toBeGreaterThan(50)
  }
})
