/** Floors: the client library alone, moving bytes. What a layer adds is measured against `rawMux`. */
import { connect, type NatsConnection } from 'nats'
import { RAW_ORDER_BYTES, TINY, type Meeting, type Row } from './row.js'

const SUBJECT = 'bench.raw'
const tiny = Buffer.from(TINY)
const order = Buffer.alloc(RAW_ORDER_BYTES, 7)

const dial = (servers: string): Promise<NatsConnection> => connect({ servers, noAsyncTraces: true })

async function serve({ natsUrl }: Meeting): Promise<void> {
  const nc = await dial(natsUrl)
  nc.subscribe(SUBJECT, { queue: 'q', callback: (_, message) => void message.respond(message.data) })
  await nc.flush()
}

/** `nc.publish` and one wildcard subscription: a subject for each reply, and a map of what is awaited. */
export const rawMux: Row = {
  serve,
  async connect({ natsUrl }) {
    const nc = await dial(natsUrl)
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
}

/**
 * The same without a map: subjects of replies are used again, and calls stand in an array. The collector has less to do (numbered-calls.ts of the SDK says why), and
 * the broker remembers the subjects: what a careful author would write.
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
