import { WeaverError } from '@weaver/sdk/contract'

export type ProxyErrorCode = 'WEAVER_PROXY_LISTEN' | 'WEAVER_PROXY_ROUTES'

export interface ProxyErrorEntry {
  /** When it occurs. */
  readonly when: string
  /** Whether the same thing may be tried again. */
  readonly retry: 'yes' | 'no'
  /** What to do. */
  readonly remedy: string
}

/** Every error of this package. Codes are stable; docs/proxy.md lists them. */
export const PROXY_ERRORS: Readonly<Record<ProxyErrorCode, ProxyErrorEntry>> = {
  WEAVER_PROXY_LISTEN: {
    when: 'the address of a proxy cannot be bound: in use, not of this machine, not allowed',
    retry: 'yes',
    remedy: 'Stop what listens there, or give the listener another address.',
  },
  WEAVER_PROXY_ROUTES: {
    when: 'the routes that a proxy was given are not routes: two of one host, two targets of one id, a weight that is not an integer, one backend at two addresses',
    retry: 'no',
    remedy: 'The message names all of them; the routes of before stay in force.',
  },
}

export function proxyError(code: ProxyErrorCode, message: string, options?: ConstructorParameters<typeof WeaverError>[2]): WeaverError {
  return new WeaverError(code, message, options)
}
