/**
 * The text that a proxy starts with: `haproxy.cfg` and its map files. Pure.
 *
 * The configuration depends on the set of listeners and their hosts alone (and, outside the hash,
 * on the addresses of the versions' Services): weights, versions and pods are changed in the
 * running process, never by a reload, because a reload loses them. `haproxy-admin.ts` talks to the
 * running process, `slots.ts` defines the map entries.
 *
 * The frontend picks the version with a counter that walks the cycle in golden-ratio steps (6181 is
 * coprime to 10,000), so every 10,000 requests are split exactly and short runs are interleaved.
 * The backend picks the pod.
 */
import { createHash } from 'node:crypto'
import { stableServiceName } from '@weaver/crds'
import { backendName, CYCLE, planValue, SLOTS, type ProxyState } from './slots.js'
import type { TrafficPlan } from '../driver.js'

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
/** Header and cookie that request one version, whatever its weight. */
const VERSION_HEADER = 'x-weaver-version'
const VERSION_COOKIE = 'weaver-version'

/** Files as the running process names them; relative, so that the mount path does not matter. */
export const MAPS = { plan: 'plan.map', slots: 'slots.map', gate: 'gate.map' } as const
export function previewMap(listener: string): string {
  return `preview-${listener}.map`
}

export interface ProxyListener {
  readonly name: string
  /** Port inside the proxy's pod. */
  readonly containerPort: number
  /** Host names that it serves; absent: all. */
  readonly hosts?: readonly string[]
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
export function listenersOf({ app, listeners }: Pick<TrafficPlan, 'app' | 'listeners'>): ProxyListener[] {
  const hosts = new Map(
    listeners.map(({ listener: { name, hosts: own = [] } }) => {
      const service = stableServiceName(app.name, name)
      const inside = ['', `.${app.namespace}`, `.${app.namespace}.svc`, `.${app.namespace}.svc.cluster.local`].map(
        (end) => `${service}${end}`,
      )
      return [name, own.length === 0 ? [] : [...own, ...inside]]
    }),
  )
  return proxyListeners(hosts.keys(), hosts)
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
    [MAPS.slots]: entries(
      names.flatMap((n) =>
        SLOTS.map((s) => `${backendName(n, s)} ${bound(n).find((b) => b.backend === backendName(n, s))?.binding.deploymentId ?? '-'}`),
      ),
    ),
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
${listeners.map((l, index) => listenerText(l, index, options)).join('')}backend weaver_split
  stick-table type integer size 64 store gpc0
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

/**
 * Fields of the plan: backends at odd places, thresholds at even ones. Rules run from the last
 * threshold to the first, so the first that applies wins.
 */
function listenerText({ name, containerPort, hosts = [] }: ProxyListener, index: number, options: ConfigOptions): string {
  const thresholds = SLOTS.slice(1).map((_, i) => i + 1)
  const preview = previewMap(name)
  const lines = [
    `frontend in_${name}`,
    `  bind :${containerPort}`,
    '  option idle-close-on-response',
    '  option forwardfor',
    ...hostRules(hosts),
    '  http-request disable-l7-retry unless METH_GET',
    `  http-request set-var(txn.pin) req.hdr(${VERSION_HEADER}),map(${preview})`,
    `  http-request set-var(txn.pin) req.cook(${VERSION_COOKIE}),map(${preview}) unless { var(txn.pin) -m found }`,
    '  acl pinned var(txn.pin) -m found',
    `  http-request set-var(txn.plan) str(${name}),map(${MAPS.plan}) unless pinned`,
    `  http-request track-sc0 int(${index + 1}) table weaver_split unless pinned`,
    ...thresholds.map((i) => `  http-request set-var(txn.t${i}) var(txn.plan),field(${2 * i},:) unless pinned`),
    `  http-request set-var(txn.n) sc0_inc_gpc0,mul(6181),mod(${CYCLE}) unless pinned`,
    ...thresholds.map((i) => `  http-request set-var(txn.d${i}) var(txn.n),sub(txn.t${i}) unless pinned`),
    `  http-request set-var(txn.be) var(txn.plan),field(${2 * SLOTS.length - 1},:) unless pinned`,
    ...thresholds
      .toReversed()
      .map((i) => `  http-request set-var(txn.be) var(txn.plan),field(${2 * i - 1},:) if !pinned { var(txn.d${i}) -m int lt 0 }`),
    '  use_backend %[var(txn.pin)] if pinned',
    '  use_backend %[var(txn.be)]',
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
