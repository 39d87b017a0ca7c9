import type { BackendRow, ServerRow } from './haproxy-replies.js'
import { planProxySteps, type ProxyView } from './proxy-commands.js'
import type { ListenerTarget, SlotTarget } from './proxy-target.js'

const server = (name: string, status: ServerRow['status'], more: Partial<ServerRow> = {}): ServerRow => ({
  name,
  status,
  isChecked: status !== 'maint',
  sessions: 0,
  address: '10.0.0.1:8080',
  ...more,
})
const svc = server('svc', 'maint', { isChecked: false, address: '127.0.0.1:1' })
const PLAN = 'lis_s1:10000:lis_s1:10000:lis_s1:10000:lis_s1'

function view(servers: readonly ServerRow[], more: Partial<ProxyView> = {}): ProxyView {
  const row: BackendRow = { servers: [svc, ...servers], inFlight: 0, requests: 0 }
  return {
    process: '1@1',
    isConfirmed: true,
    plans: new Map([['lis', PLAN]]),
    slots: new Map([['lis_s1', 'web-v1']]),
    versions: new Map([['lis_s1', 'v1']]),
    lostPins: 0,
    previews: new Map([['lis', new Map([['v1', 'lis_s1']])]]),
    backends: new Map([['lis_s1', row]]),
    ...more,
  }
}
function target(names: readonly string[], more: Partial<SlotTarget> = {}, plan: string | undefined = PLAN): ListenerTarget[] {
  const servers = new Map(names.map((n) => [n, { address: '10.0.0.1:8080', healthPort: 8079 }]))
  const slot: SlotTarget = { backend: 'lis_s1', deploymentId: 'web-v1', versionId: 'v1', servers, spared: new Set(), cut: false, ...more }
  return [{ name: 'lis', ...(plan === undefined ? {} : { plan }), preview: new Map([['v1', 'lis_s1']]), slots: [slot] }]
}
const texts = (v: ProxyView, t: readonly ListenerTarget[]) => planProxySteps(v, t).commands.map((c) => c.text)

it('sends nothing to a proxy that is as it must be', () => {
  expect(planProxySteps(view([server('p', 'up')]), target(['p']))).toEqual({ commands: [], waiting: [] })
})

it('a new server starts drained, so that no request reaches it before its first check', () => {
  expect(texts(view([]), target(['p']))).toEqual([
    'add server lis_s1/p 10.0.0.1:8080 check port 8079 inter 1s fall 2 rise 1 observe layer4 error-limit 1 on-error mark-down',
    'enable health lis_s1/p',
    'set server lis_s1/p state drain',
  ])
  expect(texts(view([server('p', 'drain', { isChecked: false })]), target(['p']))).toEqual([])
  expect(texts(view([server('p', 'drain')]), target(['p']))).toEqual(['set server lis_s1/p state ready'])
})

it('tells a proxy which version is in a slot, unless it is of a configuration that has no such map', () => {
  const stale = view([server('p', 'up')], { versions: new Map([['lis_s1', 'v0']]) })
  expect(texts(stale, target(['p']))).toEqual(['set map versions.map lis_s1 v1'])
  const { versions: _, ...older } = stale
  expect(texts(older, target(['p']))).toEqual([])
})

it('goes on where an operator died half-way', () => {
  expect(texts(view([server('p', 'maint')]), target(['p']))).toEqual(['enable health lis_s1/p', 'set server lis_s1/p state drain'])
})

it('drains, waits for the sessions, deletes', () => {
  const t = target(['p'])
  expect(texts(view([server('p', 'up'), server('q', 'up')]), t)).toEqual(['set server lis_s1/q state drain'])
  expect(texts(view([server('p', 'up'), server('q', 'drain', { sessions: 1 })]), t)).toEqual([])
  expect(texts(view([server('p', 'up'), server('q', 'drain')]), t)).toEqual(['set server lis_s1/q state maint', 'del server lis_s1/q'])
  expect(texts(view([server('p', 'up'), server('q', 'maint')]), t)).toEqual(['del server lis_s1/q'])
})

it('keeps the last server that is up while its slot has weight, also of several that end at once', () => {
  const steps = planProxySteps(view([server('p', 'up'), server('q', 'up'), server('new', 'drain', { isChecked: false })]), target(['new']))
  expect(steps.commands.map((c) => c.text)).toEqual(['set server lis_s1/p state drain'])
  expect(steps.waiting).toContain('another server of slot "lis_s1" to be up before "q" is drained')
  const idle = view([server('p', 'up')], { plans: new Map([['lis', '-']]) })
  expect(texts(idle, target([], {}, '-'))).toEqual(['set server lis_s1/p state drain'])
})

it('leaves an unready pod to its check, and everything where nothing is known of the pods', () => {
  expect(texts(view([server('p', 'up'), server('q', 'down')]), target(['p'], { spared: new Set(['q']) }))).toEqual([])
  expect(texts(view([server('p', 'up'), server('q', 'up')]), target([], { spared: 'all' }))).toEqual([])
})

it('unnames a version before its servers go, and cuts sessions only when its time is over', () => {
  const gone = { deploymentId: undefined, servers: new Map() } as unknown as Partial<SlotTarget> // a free slot has no deployment
  const free = [{ ...target([], gone, '-')[0], preview: new Map() } as ListenerTarget] // the same without a preview entry
  const busy = view([server('p', 'up', { sessions: 3 })], { plans: new Map([['lis', '-']]) })
  expect(texts(busy, free)).toEqual(['del map preview-lis.map v1', 'set map slots.map lis_s1 -', 'set server lis_s1/p state drain'])
  const cut = [{ ...free[0], slots: free[0]?.slots.map((s) => ({ ...s, cut: true })) ?? [] } as ListenerTarget] // as above
  expect(texts(busy, cut)).toContain('shutdown sessions server lis_s1/p')
})

it('brings the Service of a version in as the last resort, and takes it out', () => {
  const service = { host: '10.96.0.7', port: 80 }
  expect(texts(view([server('p', 'up')]), target(['p'], { service }))).toEqual([
    'set server lis_s1/svc addr 10.96.0.7 port 80',
    'set server lis_s1/svc state ready',
  ])
})

it('sends the plan last, and none while nothing is known of what it should be', () => {
  const v = view([server('p', 'up')], { plans: new Map([['lis', '-']]) })
  expect(texts(v, target(['p']))).toEqual([`set map plan.map lis ${PLAN}`])
  const unknown = [{ ...target(['p'])[0], plan: undefined } as unknown as ListenerTarget] // absent and undefined mean the same here
  expect(texts(v, unknown)).toEqual([])
})

it('says that a proxy must be replaced which does not know a listener', () => {
  expect(planProxySteps(view([], { previews: new Map() }), target(['p']))).toEqual({
    commands: [],
    waiting: ['the proxy to be replaced by one that knows listener "lis"'],
  })
})
