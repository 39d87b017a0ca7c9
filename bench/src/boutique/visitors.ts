/** Visitors of the shop: what they do, and how long they wait for it. */
import { Pool } from 'undici'
import { cpuOf } from '../cpu-time.js'
import { percentile } from '../statistics.js'
import type { RunningShop } from './shops.js'

interface Step {
  readonly path: string
  /** A POST with this form; absent: a GET. */
  readonly form?: Readonly<Record<string, string>>
  /** What the page must have; a POST without it is answered with a redirect. */
  readonly shows?: string
}

const look = (product: string): Step => ({ path: `/product/${product}`, shows: 'Add to cart' })
const add = (productId: string): Step => ({ path: '/cart', form: { productId, quantity: '2' } })
const HOME: Step = { path: '/', shows: 'Straw hat' }
const EUROS: Step = { path: '/currency', form: { currency: 'EUR', back: '/' } }
const CART: Step = { path: '/cart', shows: 'Check out' }
const CHECKOUT: Step = {
  path: '/checkout',
  shows: 'Thank you',
  form: {
    email: 'ada@example.com',
    name: 'Ada',
    street: 'Mill Lane 1',
    postcode: '12345',
    city: 'London',
    country: 'UK',
    cardNumber: '4111 1111 1111 1111',
    cardMonth: '12',
    cardYear: '2999',
  },
}

/**
 * Most look only, some fill a cart and leave, some buy: as in the load of the original demo, five
 * products are looked at for each that goes into a cart.
 */
const LOOKING = [HOME, look('MUG-02'), look('SCARF-10'), { path: '/?q=the', shows: 'Found for' }, look('LAMP-05')]
const LEAVING = [HOME, look('HAT-09'), EUROS, look('FERN-06'), add('FERN-06'), CART, { path: '/cart/empty', form: {} }]
const BUYING = [HOME, look('KETTLE-01'), look('BAG-12'), add('KETTLE-01'), EUROS, look('SOCKS-11'), add('SOCKS-11'), CART, CHECKOUT]
const JOURNEYS: readonly (readonly Step[])[] = [LOOKING, LEAVING, LOOKING, BUYING, LOOKING]

export interface Visit {
  readonly journeysPerSecond: number
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Of all processes of the shop, for each request. */
  readonly cpuMs: number
}

/** So many visitors at a time, each of whom begins the next journey when the last one is over. */
export async function visit({ origin, pids }: RunningShop, visitors: number, seconds: number): Promise<Visit> {
  const pool = new Pool(origin, { connections: visitors })
  const waits: number[] = []
  let journeys = 0
  const cpu = (): number => pids.reduce((sum, pid) => sum + cpuOf(pid), 0)
  const [started, cpuBefore] = [performance.now(), cpu()]
  const until = started + seconds * 1_000
  await Promise.all(
    Array.from({ length: visitors }, async (_, visitor) => {
      for (let at = visitor; performance.now() < until; at++) {
        await journey(pool, JOURNEYS[at % JOURNEYS.length] ?? LOOKING, waits)
        journeys++
      }
    }),
  )
  const [took, used] = [performance.now() - started, cpu() - cpuBefore]
  await pool.close()
  return {
    journeysPerSecond: (journeys * 1_000) / took,
    requestsPerSecond: (waits.length * 1_000) / took,
    p50Ms: percentile(waits, 50),
    p99Ms: percentile(waits, 99),
    cpuMs: (used * 1_000) / waits.length,
  }
}

async function journey(pool: Pool, steps: readonly Step[], waits: number[]): Promise<void> {
  const cookies = new Map<string, string>()
  for (const { path, form: fields, shows } of steps) {
    // The id of the order is a hidden field of the page; the cookie has it too.
    const form = path === CHECKOUT.path ? { ...fields, orderId: cookies.get('order') ?? '' } : fields
    const began = performance.now()
    const { statusCode, headers, body } = await pool.request({
      path,
      method: form === undefined ? 'GET' : 'POST',
      headers: {
        cookie: Array.from(cookies, ([name, value]) => `${name}=${value}`).join('; '),
        ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
      },
      ...(form === undefined ? {} : { body: new URLSearchParams(form).toString() }),
    })
    const page = await body.text()
    waits.push(performance.now() - began)
    if (statusCode !== (shows === undefined ? 303 : 200) || !page.includes(shows ?? ''))
      throw new Error(`${form === undefined ? 'GET' : 'POST'} ${path} was answered with ${statusCode}: ${page.slice(-300)}`)
    for (const set of [headers['set-cookie'] ?? []].flat()) {
      const [, name = '', value = ''] = /^(\w+)=([^;]*)/.exec(set) ?? []
      cookies.set(name, value)
    }
  }
}
