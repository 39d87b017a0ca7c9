import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** Who knows it has the cart, so it cannot be guessed, and no script can read it. `Lax`: a form of another site cannot order for the user. */
const ATTRIBUTES = 'Path=/; Max-Age=604800; HttpOnly; SameSite=Lax'
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export interface Session {
  readonly user: string
  /** As it was chosen; it may be one that the shop does not take. */
  readonly currency: string | undefined
  /** To be set in the answer. */
  readonly cookies: readonly string[]
}

/** The session of a browser, or a new one. What comes from outside is used only when it has the form of what was handed out. */
export function sessionOf({ headers }: IncomingMessage): Session {
  const given = new Map(
    (headers.cookie ?? '').split(';').map((pair) => {
      const [name = '', value = ''] = pair.trim().split('=')
      return [name, value] as const
    }),
  )
  const user = given.get('session') ?? ''
  const currency = given.get('currency')
  if (UUID.test(user)) return { user, currency, cookies: [] }
  const created = randomUUID()
  return { user: created, currency, cookies: [`session=${created}; ${ATTRIBUTES}`] }
}

export function currencyCookie(currency: string): string {
  return `currency=${currency}; ${ATTRIBUTES}`
}
