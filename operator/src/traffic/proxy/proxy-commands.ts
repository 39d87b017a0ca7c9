/**
 * From the state of one proxy to the commands that bring it nearer to its target. Pure and
 * level-triggered: what was sent before is not remembered, so a proxy that was restarted, or half
 * programmed by an operator that died, needs no special case.
 *
 * Life of a server: absent → `add` → drain until its first check passed → ready → drain → (no
 * sessions) maint → deleted.
 *
 * I1  No request goes to a server before it has passed a check as the slot's version; HAProxy
 *     considers a new server UP until its first check fails.
 * I2  The last UP server of a slot with weight is never drained.
 * I3  A server is deleted only without sessions, unless the version's time is over.
 */
import { MAPS, previewMap, SERVER_CHECK } from './haproxy-config.js'
import type { BackendRow, ServerRow } from './haproxy-replies.js'
import type { ListenerTarget, SlotTarget } from './proxy-target.js'
import { readPlan } from './slots.js'

/** The state of one proxy. */
export interface ProxyView {
  /** Process id and start time: in a container the id is always 1. */
  readonly process: string
  /** Whether its gate is open: the operator has confirmed it since it started. */
  readonly isConfirmed: boolean
  readonly plans: ReadonlyMap<string, string>
  /** Deployment id by backend. */
  readonly slots: ReadonlyMap<string, string>
  /** Version id by backend; absent: the process is of a configuration that has no such map. */
  readonly versions?: ReadonlyMap<string, string>
  /** Requests so far that asked for a version that was not live. */
  readonly lostPins: number
  /** By listener; absent: the process does not know the listener. */
  readonly previews: ReadonlyMap<string, ReadonlyMap<string, string>>
  readonly backends: ReadonlyMap<string, BackendRow>
}
export interface ProxyCommand {
  readonly text: string
  /** A refusal that just means: later. */
  readonly mayBeRefused?: true
}
export interface ProxySteps {
  readonly commands: readonly ProxyCommand[]
  /** What is awaited before the proxy matches its target. */
  readonly waiting: readonly string[]
}

export function knowsListener(view: ProxyView, listener: string): boolean {
  return view.previews.has(listener)
}

/** Weighted servers that may get requests. */
export function upServers(view: ProxyView, target: SlotTarget): readonly ServerRow[] {
  return (view.backends.get(target.backend)?.servers ?? []).filter(
    (s) => isUp(s) && (target.spared === 'all' || target.servers.has(s.name)),
  )
}

export function planProxySteps(view: ProxyView, targets: readonly ListenerTarget[]): ProxySteps {
  const commands: ProxyCommand[] = []
  const waiting: string[] = []
  for (const listener of targets) {
    const preview = view.previews.get(listener.name)
    if (preview === undefined) {
      if (listener.preview.size > 0) waiting.push(`the proxy to be replaced by one that knows listener "${listener.name}"`)
      continue
    }
    const weighted = new Set([
      ...Object.keys(readPlan(view.plans.get(listener.name) ?? '-')),
      ...Object.keys(readPlan(listener.plan ?? '-')),
    ])
    for (const key of preview.keys()) if (!listener.preview.has(key)) commands.push({ text: `del map ${previewMap(listener.name)} ${key}` })
    for (const slot of listener.slots) {
      const steps = slotSteps(view, slot, weighted.has(slot.backend))
      commands.push(...steps.commands)
      waiting.push(...steps.waiting)
    }
    for (const [key, backend] of listener.preview) {
      const seen = preview.get(key)
      if (seen !== backend)
        commands.push({ text: `${seen === undefined ? 'add' : 'set'} map ${previewMap(listener.name)} ${key} ${backend}` })
    }
    if (listener.plan !== undefined && view.plans.get(listener.name) !== listener.plan)
      commands.push({ text: `set map ${MAPS.plan} ${listener.name} ${listener.plan}` })
  }
  return { commands, waiting }
}

function slotSteps(view: ProxyView, target: SlotTarget, isWeighted: boolean): ProxySteps {
  const { backend } = target
  const commands: ProxyCommand[] = []
  const waiting: string[] = []
  const rows = view.backends.get(backend)?.servers ?? []
  const send = (text: string) => void commands.push({ text })
  const state = (name: string, to: string) => send(`set server ${backend}/${name} state ${to}`)

  const wantedId = target.deploymentId ?? '-'
  if (view.slots.get(backend) !== wantedId) send(`set map ${MAPS.slots} ${backend} ${wantedId}`)
  const wantedVersion = target.versionId ?? '-'
  if (view.versions !== undefined && view.versions.get(backend) !== wantedVersion)
    send(`set map ${MAPS.versions} ${backend} ${wantedVersion}`)
  const service = rows.find((r) => r.name === 'svc')
  if (service !== undefined) {
    if (target.service === undefined) {
      if (service.status !== 'maint') state('svc', 'maint')
      if (target.cut && service.sessions > 0) send(`shutdown sessions server ${backend}/svc`)
    } else {
      const address = `${target.service.host}:${target.service.port}`
      if (service.address !== address) send(`set server ${backend}/svc addr ${target.service.host} port ${target.service.port}`)
      if (service.status === 'maint') state('svc', 'ready')
    }
  }

  const seen = new Map(rows.filter((r) => r.name !== 'svc').map((r) => [r.name, r]))
  let usable = [...seen.values()].filter(isUp).length
  for (const [name, server] of target.servers) {
    const row = seen.get(name)
    if (row === undefined) {
      send(`add server ${backend}/${name} ${server.address} check port ${server.healthPort} ${SERVER_CHECK}`)
      send(`enable health ${backend}/${name}`)
      state(name, 'drain') // I1
    } else if (row.status === 'maint') {
      send(`enable health ${backend}/${name}`)
      state(name, 'drain')
    } else if (row.status === 'drain' && row.isChecked) {
      state(name, 'ready')
      usable += 1
      continue
    }
    if (row?.status !== 'up') waiting.push(`server "${name}" of slot "${backend}" to pass its check as "${wantedId}"`)
  }
  for (const [name, row] of seen) {
    if (target.servers.has(name) || target.spared === 'all' || target.spared.has(name)) continue
    if (isUp(row) && isWeighted && usable <= 1) {
      waiting.push(`another server of slot "${backend}" to be up before "${name}" is drained`) // I2
      continue
    }
    if (isUp(row)) usable -= 1
    if (target.cut && row.sessions > 0) send(`shutdown sessions server ${backend}/${name}`)
    if (row.status === 'up') state(name, 'drain')
    else if (row.sessions === 0) {
      if (row.status !== 'maint') state(name, 'maint')
      commands.push({ text: `del server ${backend}/${name}`, mayBeRefused: true })
    } else if (row.status === 'down') state(name, 'drain')
  }
  return { commands, waiting }
}

function isUp(row: ServerRow): boolean {
  return row.name !== 'svc' && row.status === 'up' && row.isChecked
}
