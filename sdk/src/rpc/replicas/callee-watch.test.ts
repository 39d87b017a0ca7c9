/**
 * A replica that is on its way to another server of the broker, by the clock that the watch is
 * given. Death, frost and stalls: callee-watch.nats.test.ts.
 */
import { Writer } from '../../codec/writer.js'
import { replicaQuerySubject } from '../../contract/subjects.js'
import type { Logger } from '../../telemetry/logger.js'
import { CalleeWatch } from './callee-watch.js'
import type { WatchedCall } from './watched-call.js'
import { KIND, readCalls, readKind, writeCalls } from '../wire/frame.js'
import type { IncomingMessage, Transport } from '../transport/transport.js'

const LOG: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined, with: () => LOG }
/** The time of the first question, far behind that of the call. */
const T = 1_000_000

/**
 * A caller with one call. Its holder "cart-0", or who may have it where the holder is not known, is
 * there or not; `others` always are, and do not have it.
 */
function watched(
  unsettledUntil: number,
  { isSought = false, others = [] }: { readonly isSought?: boolean; readonly others?: readonly string[] } = {},
): {
  readonly lost: readonly string[]
  ask(at: number, isThere: boolean): void
  look(at: number): void
} {
  const lost: string[] = []
  let isThere = true
  let receive: (message: IncomingMessage) => void = () => undefined
  const transport: Transport = {
    isConnected: true,
    takesCalls: true,
    isCrossing: false,
    inbox: 'inbox',
    unsettledUntil,
    maxPayloadBytes: 1_048_576,
    publish(subject, data, reply) {
      const { kind, reader } = readKind(data)
      if (kind !== KIND.ask || reply === undefined) return
      const { calls } = readCalls(reader)
      const there = [...(isThere ? ['cart-0'] : []), ...others].filter(
        (name) => subject.endsWith('._all') || subject === replicaQuerySubject('shop-1', 'shop/Cart', name),
      )
      for (const replica of there) {
        const answer = writeCalls(new Writer(), KIND.holds, { replica, calls: replica === 'cart-0' ? calls : [] })
        receive({ subject: reply, data: answer, reply: undefined, isNoResponders: false })
      }
      if (there.length === 0) receive({ subject: reply, data: new Uint8Array(), reply: undefined, isNoResponders: true })
    },
    onMove: () => undefined,
    subscribe(subject, handler) {
      if (subject.startsWith('inbox')) receive = handler
      return { drain: async () => undefined, unsubscribe: () => undefined }
    },
    flush: async () => undefined,
    onConnection: () => undefined,
    lost: new Promise(() => undefined),
    close: async () => undefined,
  }
  const watch = new CalleeWatch({ transport, deploymentId: 'shop-1', replica: 'web-0', inbox: 'inbox.', log: LOG }, new Writer())
  watch.add('shop/Cart')
  const call: WatchedCall = {
    id: 1,
    target: { component: 'shop/Cart' },
    sentAt: T - 5_000,
    holder: isSought ? undefined : 'cart-0',
    onCalleeLost: (why) => void lost.push(why),
  }
  return {
    lost,
    ask(at, isThereNow) {
      isThere = isThereNow
      watch.look([[call]], at)
    },
    look: (at) => watch.look([], at),
  }
}

describe('a replica that has a call and is not there', () => {
  it('is gone at once where nothing is known of a server that went', () => {
    const { lost, ask } = watched(0)
    ask(T, false)
    expect(lost).toEqual(['the replica "cart-0", which had it, is gone'])
  })

  it('is waited for as long as its way to another server may take', () => {
    const { lost, ask } = watched(T + 5_000)
    for (const ms of [0, 500, 1_000]) ask(T + ms, false)
    ask(T + 1_500, true)
    ask(T + 2_000, true)
    expect(lost).toEqual([])
  })

  it('is waited for that long, too, when it sets out at the end of the time in which replicas move', () => {
    const { lost, ask } = watched(T + 100)
    for (const ms of [0, 500, 1_000]) ask(T + ms, false)
    expect(lost).toEqual([])
  })

  it('is gone when it takes longer', () => {
    const { lost, ask } = watched(T + 5_000)
    for (const ms of [0, 500, 1_000, 1_500]) ask(T + ms, false)
    expect(lost).toEqual([])
    ask(T + 2_000, false)
    expect(lost).toEqual(['the replica "cart-0", which had it, is gone'])
  })

  it('has the whole time again at its next move, when the call of the first one is over', () => {
    const { lost, ask, look } = watched(T + 10_000)
    ask(T, false)
    look(T + 500) // the call was answered
    for (const ms of [2_000, 2_500, 3_000, 3_500]) ask(T + ms, false)
    expect(lost).toEqual([])
  })

  it('has the whole time again at its next move, when nothing was asked meanwhile', () => {
    const { lost, ask } = watched(T + 60_000)
    ask(T, false)
    for (const ms of [30_000, 30_500, 31_000]) ask(T + ms, false)
    expect(lost).toEqual([])
  })
})

describe.each([
  ['the only replica', [], 'no replica has it: the one that took it is gone'],
  ['one of two', ['cart-1'], 'no replica has it: the one that took it is gone'],
])('a replica that may have a call and is not there, %s', (_, others, why) => {
  const looks = (from: number, to: number): number[] => Array.from({ length: (to - from) / 100 + 1 }, (__, i) => T + from + i * 100)

  it('is gone at once where nothing is known of a server that went', () => {
    const { lost, ask } = watched(0, { isSought: true, others })
    for (const at of looks(0, 100)) ask(at, false)
    expect(lost).toEqual([why])
  })

  it('is waited for as long as its way to another server may take', () => {
    const { lost, ask } = watched(T + 5_000, { isSought: true, others })
    for (const at of looks(0, 1_400)) ask(at, false)
    for (const at of looks(1_500, 4_000)) ask(at, true)
    expect(lost).toEqual([])
  })

  it('is gone when it takes longer', () => {
    const { lost, ask } = watched(T + 60_000, { isSought: true, others })
    for (const at of looks(0, 1_400)) ask(at, false)
    expect(lost).toEqual([])
    for (const at of looks(1_500, 8_000)) ask(at, false)
    expect(lost[0]).toBe(why)
  })
})
