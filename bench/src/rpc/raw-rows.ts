/**
 * Floors: the client library alone, moving bytes. What a layer adds is measured against `rawMux`.
 */
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { connect as connectNats2 } from 'nats'
import { RAW_ORDER_BYTES, TINY, type Meeting, type Row } from './row.js'

const SUBJECT = 'bench.raw'
const tiny = Buffer.from(TINY)
const order = Buffer.alloc(RAW_ORDER_BYTES, 7)

const dial = (servers: string): Promise<NatsConnection> => connect({ servers, noAsyncTraces: true })

async function answer(nc: RawConnection): Promise<void> {
  nc.subscribe(SUBJECT, { queue: 'q', callback: (_, message) => void message.respond(message.data) })
  await nc.flush()
}

const serve = ({ natsUrl }: Meeting): Promise<void> => dial(natsUrl).then(answer)

/** The parts that both client libraries have. */
interface RawConnection {
  subscribe(
    subject: string,
    options: {
      queue?: string
      callback: (error: Error | null, message: { subject: string; data: Uint8Array; respond(data: Uint8Array): boolean }) => void
    },
  ): unknown
  publish(subject: string, data: Uint8Array, options: { reply: string }): void
  flush(): Promise<void>
}

/**
 * `nc.publish` and one wildcard subscription: a subject for each reply, and a map of what is
 * awaited.
 */
const muxOver = (dialled: (servers: string) => Promise<RawConnection>): Row => ({
  serve: ({ natsUrl }) => dialled(natsUrl).then(answer),
  async connect({ natsUrl }) {
    const nc = await dialled(natsUrl)
    const waiting = new Map<string, (data: Uint8Array) => void>()
    nc.subscribe('bench.inbox.*', {
      callback: (_, message) => {
        const resolve = waiting.get(message.subject)
        waiting.delete(message.subject)
        resolve?.(message.data)
      },
    })
    await nc.flush()
    let next = 0
    const call = (data: Uint8Array): Promise<Uint8Array> =>
      new Promise((resolve) => {
        const reply = `bench.inbox.${next++}`
        waiting.set(reply, resolve)
        nc.publish(SUBJECT, data, { reply })
      })
    return { tiny: () => call(tiny), order: () => call(order) }
  },
})

export const rawMux = muxOver(dial)
/** The same over the client library before this one: the npm package `nats`. */
export const rawNats2 = muxOver((servers) => connectNats2({ servers, noAsyncTraces: true }))

/**
 * The same without a map: subjects of replies are used again, and calls stand in an array. The
 * collector has less to do (numbered-calls.ts of the SDK says why), and the broker remembers the
 * subjects: what a careful author would write.
 */
export const rawSlots: Row = {
  serve,
  async connect({ natsUrl }) {
    const nc = await dial(natsUrl)
    const prefix = 'bench.inbox.'
    const waiting: (((data: Uint8Array) => void) | undefined)[] = []
    const free: number[] = []
    nc.subscribe(`${prefix}*`, {
      callback: (_, message) => {
        const slot = Number(message.subject.slice(prefix.length))
        const resolve = waiting[slot]
        waiting[slot] = undefined
        free.push(slot)
        resolve?.(message.data)
      },
    })
    await nc.flush()
    const call = (data: Uint8Array): Promise<Uint8Array> =>
      new Promise((resolve) => {
        const slot = free.pop() ?? waiting.length
        waiting[slot] = resolve
        nc.publish(SUBJECT, data, { reply: prefix + slot })
      })
    return { tiny: () => call(tiny), order: () => call(order) }
  },
}

/** What the library offers itself. */
export const rawRequest: Row = {
  serve,
  async connect({ natsUrl }) {
    const nc = await dial(natsUrl)
    const call = (data: Uint8Array): Promise<unknown> => nc.request(SUBJECT, data, { timeout: 30_000 })
    return { tiny: () => call(tiny), order: () => call(order) }
  },
}
