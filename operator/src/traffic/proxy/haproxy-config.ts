/**
 * The text that a proxy starts with: `haproxy.cfg` and its map files. Pure.
 *
 * The configuration depends on the listeners, their hosts and the affinity alone (and, outside the
 * hash, on the addresses of the versions' Services): weights, versions and pods are changed in the
 * running process, never by a reload, because a reload loses them. `haproxy-admin.ts` talks to the
 * running process, `slots.ts` defines the map entries.
 *
 * The frontend picks the version (`version-choice.ts`), the backend picks the pod.
 */
import { createHash } from 'node:crypto'
import { stableServiceName } from '@weaver/crds'
import { backendName, planValue, SLOTS, type ProxyState, type SlotBinding } from './slots.js'
import { SPLIT_TABLE, versionChoice } from './version-choice.js'
import type { TrafficAffinity, TrafficPlan } from '../driver.js'

/** Container ports of a proxy. Listeners follow from 8080 on, in order of their names. */
export const PROXY_HEALTH_PORT = 8404
export const PROXY_ADMIN_PORT = 9443
const FIRST_LISTENER_PORT = 8080
/**
 * `grace` outlasts the propagation of a closing endpoint; the hard stop comes before the kubelet's
 * SIGKILL. Seconds.
 */
export const GRACE_SECONDS = 5
export const HARD_STOP_SECONDS = 50
/** Where the ConfigMap and the Secret are mounted. */
export const CONFIG_DIRECTORY = '/etc/weaver/proxy'
export const TLS_DIRECTORY = '/etc/weaver/tls'
export const SOCKET_DIRECTORY = '/var/run/haproxy'
/** The certificate name that the operator's client certificate must carry. */
export const OPERATOR_COMMON_NAME = 'weaver-operator'
/** Options of a dynamic server, which does not inherit a backend's defaults. */
export const SERVER_CHECK = 'inter 1s fall 2 rise 1 observe layer4 error-limit 1 on-error mark-down'

/** Files as the running process names them; relative, so that the mount path does not matter. */
export const MAPS = { plan: 'plan.map', slots: 'slots.map', versions: 'versions.map', gate: 'gate.map' } as const
export function previewMap(listener: string): string {
  return `preview-${listener}.map`
}

export interface ProxyListener {
  readonly name: string
  /** Port inside the proxy's pod. */
  readonly containerPort: number
  /** Host names that it serves; absent: all. */
  readonly hosts?: readonly string[]
  /** Absent: each request by itself. */
  readonly affinity?: TrafficAffinity
}

/** @param hosts by listener, for those that do not serve every host */
export function proxyListeners(names: Iterable<string>, hosts: ReadonlyMap<string, readonly string[]> = new Map()): ProxyListener[] {
  return [...new Set(names)].sort().map((name, index) => {
    const own = hosts.get(name) ?? []
    return { name, containerPort: FIRST_LISTENER_PORT + index, ...(own.length === 0 ? {} : { hosts: own }) }
  })
}

/**
 * Listeners of a plan. One that serves some hosts also serves the names of its own Service, by
 * which the cluster reaches it.
 */
export function listenersOf({ app, listeners, affinity }: Pick<TrafficPlan, 'app' | 'listeners' | 'affinity'>): ProxyListener[] {
  const hosts = new Map(
    listeners.map(({ listener: { name, hosts: own = [] } }) => {
      const service = stableServiceName(app.name, name)
      const inside = ['', `.${app.namespace}`, `.${app.namespace}.svc`, `.${app.namespace}.svc.cluster.local`].map(
        (end) => `${service}${end}`,
      )
      return [name, own.length === 0 ? [] : [...own, ...inside]]
    }),
  )
  return proxyListeners(hosts.keys(), hosts).map((l) => (affinity === undefined ? l : { ...l, affinity }))
}

/** Everything a proxy reads at its start, by file name. */
export function renderProxyFiles(listeners: readonly ProxyListener[], state: ProxyState, failOpenSeconds: number): Record<string, string> {
  const names = listeners.map((l) => l.name)
  const entries = (lines: readonly string[]) => `# written by weaver-operator\n${lines.map((l) => `${l}\n`).join('')}`
  const bound = (name: string) =>
    SLOTS.flatMap((slot) => {
      const binding = state.listeners[name]?.slots[slot]
      return binding === undefined || binding.leaving === true ? [] : [{ backend: backendName(name, slot), binding }]
    })
  const ofSlots = (value: (binding: SlotBinding) => string) =>
    names.flatMap((n) =>
      SLOTS.map((s) => {
        const found = bound(n).find((b) => b.backend === backendName(n, s))
        return `${backendName(n, s)} ${found === undefined ? '-' : value(found.binding)}`
      }),
    )
  return {
    'haproxy.cfg': renderHaproxyConfig(listeners, {
      failOpenSeconds,
      services: new Map(
        names.flatMap((n) =>
          bound(n).flatMap(({ backend, binding }) => (binding.service === undefined ? [] : [[backend, binding.service] as const])),
        ),
      ),
    }),
    [MAPS.plan]: entries(names.map((n) => `${n} ${planValue(n, state.listeners[n] ?? { slots: {}, weights: {} })}`)),
    [MAPS.slots]: entries(ofSlots((binding) => binding.deploymentId)),
    [MAPS.versions]: entries(ofSlots((binding) => binding.versionId)),
    [MAPS.gate]: entries(['confirmed 0']),
    ...Object.fromEntries(
      names.map((n) => [previewMap(n), entries(bound(n).map(({ backend, binding }) => `${binding.versionId} ${backend}`))]),
    ),
  }
}

/** Changes exactly when running proxies must be replaced. 16 hex digits. */
export function configHash(listeners: readonly ProxyListener[], failOpenSeconds: number): string {
  const text = renderHaproxyConfig(listeners, { failOpenSeconds, services: new Map() })
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

export interface ConfigOptions {
  /** How long a proxy that no operator programs waits before it serves by its files. */
  readonly failOpenSeconds: number
  /** Address of the Service behind a slot, by backend name. */
  readonly services: ReadonlyMap<string, { readonly host: string; readonly port: number }>
}

function renderHaproxyConfig(listeners: readonly ProxyListener[], options: ConfigOptions): string {
  return `# Written by weaver-operator. Changing it by hand has no lasting effect.
global
  default-path config
  stats socket ${SOCKET_DIRECTORY}/admin.sock mode 600 level admin
  stats timeout 1h
  stats maxconn 64
  # half of the cores of a small node; more threads than cores cost more than they bring
  nbthread 2
  maxconn 4000
  grace ${GRACE_SECONDS}s
  hard-stop-after ${HARD_STOP_SECONDS}s
  set-var proc.start date()
defaults
  mode http
  timeout connect 500ms
  timeout client 60s
  timeout server 60s
  timeout http-request 10s
  timeout http-keep-alive 30s
  timeout queue 5s
  timeout tunnel 1h
  retries 3
  option redispatch 1
  retry-on conn-failure empty-response
  http-reuse safe
${listeners.map((l) => listenerText(l, options)).join('')}backend ${SPLIT_TABLE}
  stick-table type string len 64 size 64 store gpc0,gpc1
frontend weaver_health
  bind :${PROXY_HEALTH_PORT}
  monitor-uri /ready
  acl confirmed str(confirmed),map(${MAPS.gate}) -m str 1
  acl waiting date(),sub(proc.start) lt ${options.failOpenSeconds}
  monitor fail if { stopping }
  monitor fail if !confirmed waiting
  http-request return status 200 content-type text/plain string ok if { path /live }
  http-request use-service prometheus-exporter if { path /metrics }
  http-request return status 404
frontend weaver_admin
  mode tcp
  timeout client 1h
  bind :${PROXY_ADMIN_PORT} ssl crt ${TLS_DIRECTORY}/server.pem ca-file ${TLS_DIRECTORY}/ca.pem verify required
  tcp-request content reject unless { ssl_c_s_dn(cn) ${OPERATOR_COMMON_NAME} }
  default_backend weaver_admin
backend weaver_admin
  mode tcp
  timeout server 1h
  server cli unix@${SOCKET_DIRECTORY}/admin.sock
`
}

function listenerText({ name, containerPort, hosts = [], affinity }: ProxyListener, options: ConfigOptions): string {
  const lines = [
    `frontend in_${name}`,
    `  bind :${containerPort}`,
    '  option idle-close-on-response',
    '  option forwardfor',
    ...hostRules(hosts),
    '  http-request disable-l7-retry unless METH_GET',
    ...versionChoice(name, { ...MAPS, preview: previewMap(name) }, affinity),
  ]
  return `${lines.join('\n')}\n${SLOTS.map((slot) => slotText(backendName(name, slot), options)).join('')}`
}

/**
 * 421, not 404: the server does not serve the request's host; a client may retry on a connection of
 * that host's own.
 */
function hostRules(hosts: readonly string[]): string[] {
  if (hosts.length === 0) return []
  const rule = (match: string) => `  acl known_host req.hdr(host),host_only,lower -m ${match}`
  return [
    ...hosts.map((host) => rule(host.startsWith('*.') ? `reg ^[^.]+${host.slice(1).replaceAll('.', '[.]')}$` : `str ${host}`)),
    '  http-request return status 421 content-type text/plain string "this listener does not answer for that host\\n" unless known_host',
  ]
}

/**
 * The check names the expected version, so an address that another version's pod got meanwhile is
 * never UP here.
 */
function slotText(backend: string, { services }: ConfigOptions): string {
  const service = services.get(backend)
  return `backend ${backend}
  balance leastconn
  option httpchk
  http-check send meth GET uri-lf /readyz?v=%[be_name,map(${MAPS.slots})] ver HTTP/1.1 hdr host weaver
  http-check expect status 200
  server svc ${service === undefined ? '127.0.0.1:1' : `${service.host}:${service.port}`} backup${service === undefined ? ' disabled' : ''}
`
}
