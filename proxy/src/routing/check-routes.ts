import { proxyError } from '../errors/catalogue.js'
import type { Affinity, Route } from '../proxy.js'

const LARGEST_WEIGHT = 1_000_000
const VERSION = /^[\w.-]{1,100}$/
const TOKEN = /^[\w-]{1,100}$/
const HOST = /^(?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?$|^\[[0-9a-f:.]+\]$/

/** The form in which hosts are compared. */
export function hostPattern(host: string): string {
  return host.toLowerCase()
}

/** @throws WEAVER_PROXY_ROUTES with all that is wrong. */
export function checkRoutes(routes: readonly Route[], protocol: 'http' | 'tcp'): void {
  const problems: string[] = []
  if (protocol === 'tcp' && (routes.length > 1 || routes[0]?.host !== undefined))
    problems.push('a TCP proxy has one route, without a host: connections do not say which host they mean')
  const addresses = new Map<string, string>()
  const hosts = new Set<string>()
  for (const { host, targets, affinity } of routes) {
    const pattern = host === undefined ? '' : hostPattern(host)
    const where = host === undefined ? 'the route without a host' : `the route of "${host}"`
    if (host !== undefined && !HOST.test(pattern)) problems.push(`"${host}" is not a host name, nor "*." before one`)
    if (hosts.has(pattern)) problems.push(`${where} appears twice`)
    hosts.add(pattern)
    const ids = new Set<string>()
    if (affinity !== undefined) problems.push(...affinityProblems(affinity).map((problem) => `the affinity of ${where} ${problem}`))
    for (const { id, weight, backends, version } of targets) {
      if (ids.has(id)) problems.push(`target "${id}" appears twice in ${where}`)
      ids.add(id)
      if (!Number.isSafeInteger(weight) || weight < 0 || weight > LARGEST_WEIGHT)
        problems.push(`the weight of target "${id}" in ${where} is ${weight}, not an integer from 0 to ${LARGEST_WEIGHT}`)
      if (version !== undefined && !VERSION.test(version))
        problems.push(`the version of target "${id}" in ${where} is ${JSON.stringify(version)}, not letters, digits, ".", "_" and "-"`)
      for (const backend of backends) {
        const address = `${backend.host}:${backend.port}`
        if (!Number.isInteger(backend.port) || backend.port < 1 || backend.port > 65_535)
          problems.push(`the port of backend "${backend.id}" is ${backend.port}, not an integer from 1 to 65535`)
        const other = addresses.get(backend.id)
        if (other !== undefined && other !== address) problems.push(`backend "${backend.id}" is at ${other} and at ${address}`)
        addresses.set(backend.id, address)
      }
    }
  }
  if (problems.length > 0)
    throw proxyError('WEAVER_PROXY_ROUTES', `the routes of a proxy cannot be used: ${[...new Set(problems)].join('; ')}`, {
      details: { problems },
    })
}

function affinityProblems({ mode, key, carriers, maxAgeSeconds }: Affinity): string[] {
  const problems: string[] = []
  const name = key === undefined ? undefined : 'header' in key ? key.header : key.cookie
  if (name !== undefined && !TOKEN.test(name)) problems.push(`has the key ${JSON.stringify(name)}, which is no name of a header or cookie`)
  if (mode === 'newSessionsOnly' && carriers?.includes('cookie') === false)
    problems.push('leaves the cookie out of its carriers, in which newSessionsOnly keeps the version')
  if (!Number.isSafeInteger(maxAgeSeconds) || maxAgeSeconds < 1) problems.push(`has cookies for ${maxAgeSeconds} s, not for 1 s or more`)
  return problems
}
