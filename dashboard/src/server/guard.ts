/**
 * Who may ask. The dashboard shows logs and ends processes, and any page that a browser has open
 * can send requests to loopback; so there are four walls:
 *
 * I1  Only loopback is bound, and only its names are accepted as `Host`: a foreign name that
 *     resolves to 127.0.0.1 (DNS rebinding) is refused.
 * I2  Every request needs the secret: pages by a cookie, programs by `Authorization: Bearer`. The
 *     token in the URL is exchanged for the cookie, and leaves the address bar.
 * I3  The cookie is not the token, and is bound to a path that nobody else knows: browsers send
 *     cookies of 127.0.0.1 to every port of it.
 * I4  A request with a foreign `Origin`, or that a browser says is cross-site, is refused; one that
 *     changes something by cookie needs the `Origin` of the page.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

export interface Guard {
  /** Path under which the pages are: `/k3…/`. */
  readonly mount: string
  /** Opens the pages. */
  readonly token: string
  /** Of the answer to the token. */
  readonly setCookie: string
  /** @returns `undefined`: it may pass */
  refuse(request: IncomingMessage, by: 'cookie' | 'token'): { readonly status: 401 | 403; readonly message: string } | undefined
  /** What opens the pages with this text. A ticket is used up by it, and only GET can use it. */
  opens(text: string, method: string | undefined): 'token' | 'ticket' | undefined
  /** Opens the pages once, within TICKET_MS. */
  ticket(): string
}

/** To who asks without the secret. */
const UNKNOWN = {
  cookie: 'open the dashboard by the URL that its command has printed',
  token: 'give the token of the URL that the command of the dashboard has printed, in the header "Authorization: Bearer TOKEN"',
} as const
const COOKIE = 'weaver-dashboard'
/** A browser that starts cold on a busy machine needs no longer. */
const TICKET_MS = 60_000

/** @param now milliseconds of a clock that nobody sets */
export function createGuard(port: () => number, now: () => number = () => performance.now()): Guard {
  const [token, session] = [secret(), secret()]
  /** When each expires. */
  const tickets = new Map<string, number>()
  const mount = `/${randomBytes(9).toString('base64url')}/`
  return {
    mount,
    token,
    setCookie: `${COOKIE}=${session}; Path=${mount}; HttpOnly; SameSite=Strict`,
    opens(text, method) {
      if (isSame(text, token)) return 'token'
      const expiresAt = tickets.get(text)
      if (expiresAt === undefined || method !== 'GET') return undefined
      tickets.delete(text)
      return now() < expiresAt ? 'ticket' : undefined
    },
    ticket() {
      const ticket = secret()
      tickets.set(ticket, now() + TICKET_MS)
      return ticket
    },
    refuse({ method = 'GET', headers }, by) {
      const hosts = ['127.0.0.1', 'localhost', '[::1]'].map((name) => `${name}:${port()}`)
      if (!hosts.includes(headers.host ?? '')) return { status: 403, message: 'this host name is not that of the dashboard' } // I1
      const { origin } = headers
      const isOwn = origin !== undefined && origin === `http://${headers.host}`
      const site = headers['sec-fetch-site'] ?? 'none'
      if ((origin !== undefined && !isOwn) || (site !== 'none' && site !== 'same-origin'))
        return { status: 403, message: 'another site may not ask the dashboard' } // I4
      const isAllowed =
        by === 'cookie'
          ? isSame(cookieOf(headers.cookie), session)
          : isSame(/^Bearer (\S+)$/.exec(headers.authorization ?? '')?.[1] ?? '', token)
      if (!isAllowed) return { status: 401, message: UNKNOWN[by] } // I2
      if (by === 'cookie' && method !== 'GET' && method !== 'HEAD' && !isOwn)
        return { status: 403, message: 'only the page itself may change something' } // I4
      return undefined
    },
  }
}

function secret(): string {
  return randomBytes(32).toString('base64url')
}

function isSame(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)]
  return a.length === b.length && timingSafeEqual(a, b)
}

function cookieOf(header: string | undefined): string {
  for (const part of header?.split(';') ?? []) {
    const [name, value = ''] = part.trim().split('=', 2)
    if (name === COOKIE) return value
  }
  return ''
}
