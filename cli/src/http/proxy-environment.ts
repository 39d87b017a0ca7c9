/**
 * Which proxy a request uses, by the rules of Go's `httpproxy` package, which kubectl, docker and
 * helm follow: `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, in upper case first, then in lower case.
 * Libraries for Node support neither CIDR ranges nor the exception for loopback.
 */
import { BlockList, isIP } from 'node:net'
import { cliError } from '../errors/catalogue.js'

export interface Proxy {
  /** Without credentials. */
  readonly url: URL
  /** Value of `Proxy-Authorization`. */
  readonly authorization?: string
  /** The variable that configures it, for messages: `HTTPS_PROXY`. */
  readonly source: string
}
/** @returns the proxy for a URL; `undefined` for a direct connection */
export type FindProxy = (url: URL) => Proxy | undefined

const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'https:': '443', 'http:': '80' }
const SCHEMES: ReadonlySet<string> = new Set(['http:', 'https:', 'socks5:'])

/** @throws WeaverError `WEAVER_CLI_USAGE` when a variable is not the URL of a proxy */
export function proxiesOf(env: Readonly<Record<string, string | undefined>>): FindProxy {
  const set = (name: string): readonly [string, string] | undefined =>
    [name, name.toLowerCase()].map((one) => [one, env[one]?.trim() ?? ''] as const).find(([, value]) => value !== '')
  const proxy = (name: string): Proxy | undefined => {
    const found = set(name)
    return found === undefined ? undefined : parseProxy(found[1], found[0])
  }
  const byProtocol: Readonly<Record<string, Proxy | undefined>> = { 'https:': proxy('HTTPS_PROXY'), 'http:': proxy('HTTP_PROXY') }
  const isExcepted = exceptions(set('NO_PROXY')?.[1] ?? '')
  return (url) => (isExcepted(url) ? undefined : byProtocol[url.protocol])
}

/**
 * @param text `http://user:password@host:port`, or without a scheme
 * @param source where it is configured, for messages
 */
export function parseProxy(text: string, source: string): Proxy {
  const written = text.includes('://') ? text.replace(/^socks5h:/i, 'socks5:') : `http://${text}`
  const url = URL.canParse(written) ? new URL(written) : undefined
  // the message omits the value, which may contain a password
  if (url === undefined || !SCHEMES.has(url.protocol) || url.hostname === '')
    throw cliError('WEAVER_CLI_USAGE', `${source} is not the URL of a proxy; write it as http://proxy.example:3128`)
  const { username, password } = url
  const place = new URL(`${url.protocol}//${url.host}`)
  if (username === '' && password === '') return { url: place, source }
  const credentials = Buffer.from(`${decode(username)}:${decode(password)}`).toString('base64')
  return { url: place, authorization: `Basic ${credentials}`, source }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // a password with a bare "%" stands for itself
  }
}

/**
 * `NO_PROXY`: names, which include their subdomains, `.suffixes`, addresses and CIDR ranges, all
 * but ranges optionally with a port; `*` for all. Loopback never uses a proxy.
 */
function exceptions(list: string): (url: URL) => boolean {
  const ranges = new BlockList()
  const addresses: { readonly address: BlockList; readonly port: string | undefined }[] = []
  const names: { readonly suffix: string; readonly isWhole: boolean; readonly port: string | undefined }[] = []
  const entries = list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
  for (const entry of entries) {
    if (entry === '*') return () => true
    if (addRange(ranges, entry)) continue
    const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(entry) ?? [undefined, undefined, entry]
    const host = bracketed ?? plain ?? entry
    const family = isIP(host)
    if (family !== 0) {
      const address = new BlockList()
      address.addAddress(host, family === 4 ? 'ipv4' : 'ipv6')
      addresses.push({ address, port })
    } else {
      const suffix = host.replace(/^\*(?=\.)/, '')
      names.push({ suffix: suffix.startsWith('.') ? suffix : `.${suffix}`, isWhole: !suffix.startsWith('.'), port })
    }
  }
  return (url) => {
    const host = url.hostname.toLowerCase().replace(/^\[(.*)\]$/, '$1')
    const port = url.port === '' ? DEFAULT_PORTS[url.protocol] : url.port
    const isOfPort = (wanted: string | undefined): boolean => wanted === undefined || wanted === port
    const family = isIP(host) === 4 ? 'ipv4' : 'ipv6'
    if (isIP(host) !== 0)
      return (
        LOOPBACK.check(host, family) ||
        ranges.check(host, family) ||
        addresses.some((one) => one.address.check(host, family) && isOfPort(one.port))
      )
    if (host === 'localhost') return true
    return names.some((one) => (host.endsWith(one.suffix) || (one.isWhole && `.${host}` === one.suffix)) && isOfPort(one.port))
  }
}

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

function addRange(ranges: BlockList, entry: string): boolean {
  const [, network = '', bits = ''] = /^([^/]+)\/(\d{1,3})$/.exec(entry) ?? []
  const family = isIP(network)
  if (family === 0 || Number(bits) > (family === 4 ? 32 : 128)) return false
  ranges.addSubnet(network, Number(bits), family === 4 ? 'ipv4' : 'ipv6')
  return true
}
