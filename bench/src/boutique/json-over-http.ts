/**
 * The peer: a component as a service of its own behind HTTP and JSON, without a framework. Each
 * method is a path, its arguments are a list in the body. It has neither deadlines nor
 * cancellation, retries, metrics, traces or checks of what comes in, all of which a call of Weaver
 * has.
 */
import { createServer, type Server } from 'node:http'
import { json } from 'node:stream/consumers'
import { Pool } from 'undici'
import { ShopError, type Order, type ShopErrorCode } from '@weaver-examples/boutique'

/** Of one service to one other. */
const CONNECTIONS = 32

type Method = (...args: unknown[]) => Promise<unknown>
interface Failure {
  readonly name: string
  readonly message: string
  readonly code?: string
}

/**
 * What JSON loses, by hand: dates become texts on the way. Whoever adds another one must think of
 * it here.
 */
const withDate = (order: Order): Order => ({ ...order, placedAt: new Date(order.placedAt) })
const ARGUMENTS: Readonly<Record<string, (args: readonly unknown[]) => readonly unknown[]>> = {
  'boutique/Email.confirm': ([to, order]) => [to, withDate(order as Order)],
}
const RESULTS: Readonly<Record<string, (result: unknown) => unknown>> = {
  'boutique/Checkout.placeOrder': (order) => withDate(order as Order),
}

export function serveComponent(component: string, implementation: Readonly<Record<string, Method>>): Server {
  return createServer((request, response) => {
    const name = (request.url ?? '/').slice(1)
    const answer = async (): Promise<unknown> => {
      const args = (await json(request)) as readonly unknown[]
      const convert = ARGUMENTS[`${component}.${name}`]
      return implementation[name]?.(...(convert === undefined ? args : convert(args)))
    }
    const send = (status: number, body: unknown): void => {
      const text = JSON.stringify(body ?? null)
      response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }).end(text)
    }
    answer().then(
      (result) => send(200, result),
      (error: Failure) => send(500, { name: error.name, message: error.message, code: error.code }),
    )
  })
}

export function callComponent(component: string, methods: readonly string[], origin: string): Readonly<Record<string, Method>> {
  const pool = new Pool(origin, { connections: CONNECTIONS })
  return Object.fromEntries(
    methods.map((method): [string, Method] => {
      const convert = RESULTS[`${component}.${method}`]
      return [
        method,
        async (...args) => {
          const { statusCode, body } = await pool.request({
            path: `/${method}`,
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify(args),
          })
          const answer = await body.json()
          if (statusCode !== 200) throw errorOf(answer as Failure)
          return convert === undefined ? answer : convert(answer)
        },
      ]
    }),
  )
}

function errorOf({ name, message, code }: Failure): Error {
  return name === 'ShopError' ? new ShopError(code as ShopErrorCode, message) : new Error(`${name}: ${message}`)
}
