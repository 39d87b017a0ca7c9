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
  /** Whether this opens the pages: the token, or a ticket that has not been used yet. */
  opens(text: string): boolean
  /**
   * Opens the pages once. For the command line of a browser, which other users of the machine can
   * read.
   */
  ticket(): string
}

const COOKIE = 'weaver-dashboard'

export function createGuard(port: () => number): Guard {
  const [token, session] = [secret(), secret()]
  const tickets = new Set<string>()
  const mount = `/${randomBytes(9).toString('base64url')}/`
  return {
    mount,
    token,
    setCookie: `${COOKIE}=${session}; Path=${mount}; HttpOnly; SameSite=Strict`,
    opens: (text) => isSame(text, token) || tickets.delete(text),
    ticket() {
      const ticket = secret()
      tickets.add(ticket)
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
      if (!isAllowed) return { status: 401, message: `open the dashboard by the URL that its command has printed` } // I2
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
