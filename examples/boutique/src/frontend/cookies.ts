import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isUuid } from '../shop/uuid.js'

/**
 * Who knows it has the cart, so it cannot be guessed, and no script can read it. `Lax`: a form of
 * another site cannot order for the user.
 */
const ATTRIBUTES = 'Path=/; Max-Age=604800; HttpOnly; SameSite=Lax'

export interface Session {
  readonly user: string
  /** As it was chosen; it may be one that the shop does not take. */
  readonly currency: string | undefined
  /**
   * Of the order that the cart is to become. It is kept until that is confirmed or the cart
   * changes: who orders again after a failure pays once.
   */
  readonly orderId: string | undefined
  /** To be set in the answer. */
  readonly cookies: readonly string[]
}

/**
 * The session of a browser, or a new one. What comes from outside is used only when it has the form
 * of what was handed out.
 */
export function sessionOf({ headers }: IncomingMessage): Session {
  const given = new Map(
    (headers.cookie ?? '').split(';').map((pair) => {
      const [name = '', value = ''] = pair.trim().split('=')
      return [name, value] as const
    }),
  )
  const user = given.get('session') ?? ''
  const currency = given.get('currency')
  const order = given.get('order') ?? ''
  const chosen = { currency, orderId: isUuid(order) ? order : undefined }
  if (isUuid(user)) return { user, ...chosen, cookies: [] }
  const created = randomUUID()
  return { user: created, ...chosen, cookies: [`session=${created}; ${ATTRIBUTES}`] }
}

export function currencyCookie(currency: string): string {
  return `currency=${currency}; ${ATTRIBUTES}`
}

export function orderCookie(orderId: string): string {
  return `order=${orderId}; ${ATTRIBUTES}`
}

/** The next order has another id. */
export const NO_ORDER = `order=; ${ATTRIBUTES.replace(/Max-Age=\d+/, 'Max-Age=0')}`
