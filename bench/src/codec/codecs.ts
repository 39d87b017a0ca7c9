import { deserialize, serialize } from 'node:v8'
import { Reader, Writer, type MethodBinding } from '@weaver/sdk/internal'
import { Packr } from 'msgpackr'
import { ORDER_JSON } from '../order-json.js'
import type { Order } from '../order.js'
import { weaver } from '../weaver.gen.js'

export interface Codec {
  readonly title: string
  encode(order: Order): Uint8Array | string
  decode(bytes: Uint8Array | string): unknown
}

const generated = weaver
  .components()
  .find(({ token }) => token.name === 'bench/Echo')
  ?.methods.find(({ name }) => name === 'order') as MethodBinding // of echo.ts
const writer = new Writer()
const packr = new Packr({ structures: [], moreTypes: true, int64AsType: 'bigint' })

/** What JSON can carry of an order, as in order-json.ts. */
function toTwin(order: Order): unknown {
  return {
    ...order,
    id: String(order.id),
    createdAt: order.createdAt.toISOString(),
    customer: { ...order.customer, since: order.customer.since.toISOString() },
    lines: order.lines.map((line) => ({ ...line, options: Object.fromEntries(line.options) })),
    tags: [...order.tags],
    signature: Buffer.from(order.signature).toString('base64'),
  }
}

type Twin = typeof ORDER_JSON

function fromTwin(twin: Twin): Order {
  return {
    ...twin,
    id: BigInt(twin.id),
    createdAt: new Date(twin.createdAt),
    customer: { ...twin.customer, since: new Date(twin.customer.since) },
    lines: twin.lines.map((line) => ({ ...line, options: new Map(Object.entries(line.options)) })),
    tags: new Set(twin.tags),
    signature: new Uint8Array(Buffer.from(twin.signature, 'base64')),
  }
}

export const CODECS: Readonly<Record<string, Codec>> = {
  json: {
    title: 'JSON of a twin that it can carry',
    encode: () => JSON.stringify(ORDER_JSON),
    decode: (text) => JSON.parse(text as string) as unknown,
  },
  weaver: {
    title: 'Weaver, generated',
    encode(order) {
      generated.encodeResult(writer, order)
      return writer.finish()
    },
    decode: (bytes) => generated.decodeResult(new Reader(bytes as Uint8Array)),
  },
  msgpackr: {
    title: 'msgpackr, shared structures',
    encode: (order) => packr.pack(order),
    decode: (bytes) => packr.unpack(bytes as Uint8Array) as unknown,
  },
  jsonConverted: {
    title: 'JSON, converted to the twin and back',
    encode: (order) => JSON.stringify(toTwin(order)),
    decode: (text) => fromTwin(JSON.parse(text as string) as Twin), // encode wrote it
  },
  v8: { title: 'v8.serialize', encode: (order) => serialize(order), decode: (bytes) => deserialize(bytes as Uint8Array) as unknown },
}
