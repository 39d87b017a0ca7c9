import { credentials, loadPackageDefinition, Server, ServerCredentials, type sendUnaryData, type ServerUnaryCall, type ServiceClientConstructor } from '@grpc/grpc-js' // prettier-ignore
import { fileURLToPath } from 'node:url'
import { loadSync } from '@grpc/proto-loader'
import { ORDER } from '../../order.js'
import { TINY, type Row } from '../row.js'

/** The compiler does not copy it next to this file. */
const PROTO = fileURLToPath(new URL('../../../src/rpc/peers/order.proto', import.meta.url))
const { bench } = loadPackageDefinition(loadSync(PROTO, { longs: String, enums: String })) as unknown as {
  readonly bench: { readonly Echo: ServiceClientConstructor } // as order.proto has it
}

/** The order as its messages have it. */
const order = {
  id: String(ORDER.id),
  createdAtMs: ORDER.createdAt.getTime(),
  customer: { ...ORDER.customer, sinceMs: ORDER.customer.since.getTime() },
  shipping: ORDER.shipping,
  lines: ORDER.lines.map((line) => ({ ...line, options: Object.fromEntries(line.options) })),
  tags: [...ORDER.tags],
  status: ORDER.status,
  totalCents: ORDER.totalCents,
  weightKg: ORDER.weightKg,
  signature: ORDER.signature,
}

/** Unary calls on one channel, messages by the proto loader, no TLS. */
export const grpcRow: Row = {
  async serve({ port }) {
    const echo = (call: ServerUnaryCall<unknown, unknown>, done: sendUnaryData<unknown>): void => done(null, call.request)
    const server = new Server()
    server.addService(bench.Echo.service, { Tiny: echo, Order: echo })
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error) => (error === null ? resolve() : reject(error)))
    })
  },
  async connect({ port }) {
    const client = new bench.Echo(`127.0.0.1:${port}`, credentials.createInsecure())
    const call = (method: 'Tiny' | 'Order', message: unknown): Promise<unknown> =>
      new Promise((resolve, reject) => {
        client[method]?.(message, (error: Error | null, answer: unknown) => (error === null ? resolve(answer) : reject(error)))
      })
    return { tiny: () => call('Tiny', { text: TINY }), order: () => call('Order', order) }
  },
}
