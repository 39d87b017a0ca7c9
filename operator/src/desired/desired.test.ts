import { ANNOTATIONS, LABELS, weaverAppSpecSchema, versionIdOf, type WeaverAppSpecInput } from '@weaver/crds'
import { DESCRIBE_PROGRAM, parseBootstrap, type ComponentGraph } from '@weaver/sdk/contract'
import { buildCredsSecret } from './creds-secret.js'
import { buildDescribePod } from './describe-pod.js'
import { buildListenerService } from './listener-service.js'
import { finishManifest, type AppIdentity, type Manifest } from './manifest.js'
import { buildAutoscaler, buildDisruptionBudget } from './scaling.js'
import { buildVersionNetworkPolicy } from './version-network-policy.js'
import { planVersion, type VersionPlan } from './version-plan.js'
import { buildVersionRevision } from './version-revision.js'
import { parseSnapshot, type VersionSnapshot } from './version-snapshot.js'
import { buildWorkload } from './workload.js'

const APP: AppIdentity = { apiVersion: 'weaver.dev/v1alpha1', kind: 'WeaverApp', namespace: 'shop', name: 'hello', uid: 'u-1' }
const SERVERS = ['nats://nats.weaver-system:4222']
const GRAPH: ComponentGraph = {
  format: 1,
  generator: 'test',
  fingerprint: 'f',
  components: [
    { name: 'httpserver/Converter', methods: [], refs: [], listeners: [] },
    { name: 'httpserver/Reverser', methods: [], refs: ['httpserver/Converter'], listeners: [] },
    { name: 'weaver/Main', methods: [], refs: ['httpserver/Converter', 'httpserver/Reverser'], listeners: ['lis', 'admin'] },
  ],
}

function plan(
  spec: Partial<WeaverAppSpecInput> = {},
  more: { app?: AppIdentity; present?: Partial<WeaverAppSpecInput> } = {},
): VersionPlan {
  const parsed = weaverAppSpecSchema.parse({ image: 'reg/httpserver:v1', ...spec })
  const snapshot: VersionSnapshot = {
    format: 1,
    versionId: versionIdOf(parsed),
    spec: parsed,
    graph: GRAPH,
    imageReference: `reg/httpserver@sha256:${'a'.repeat(64)}`,
  }
  const present = more.present === undefined ? parsed : weaverAppSpecSchema.parse({ image: 'reg/httpserver:v2', ...more.present })
  return planVersion(more.app ?? APP, snapshot, present)
}
function everything(p: VersionPlan): Manifest[] {
  return [
    ...p.groups.flatMap((g) => [
      buildWorkload(p, g, SERVERS),
      buildAutoscaler(p, g),
      buildDisruptionBudget(p, g),
      buildCredsSecret(p, g, 'creds'),
    ]),
    ...p.listeners.map((l) => buildListenerService(p, l)),
    buildVersionNetworkPolicy(p),
    buildVersionRevision(p.app, p.snapshot, 1),
    buildDescribePod(p.app, p.versionId, p.snapshot.spec),
  ].filter((m) => m !== undefined)
}
function podOf(manifest: Manifest): any {
  const spec = manifest['spec'] as any
  return manifest.kind === 'Pod' ? spec : spec.template.spec
}
function groupNamed(p: VersionPlan, name: string) {
  const group = p.groups.find((g) => g.name === name)
  if (group === undefined) throw new Error(`no group ${name}`)
  return group
}
function envOf(manifest: Manifest): Record<string, string> {
  return Object.fromEntries(podOf(manifest).containers[0].env.map((e: any) => [e.name, e.value]))
}
/** Kubernetes' own expansion: `$$` is `$`, `$(NAME)` a value when known, anything else stays. */
function expand(text: string, known: Record<string, string>): string {
  return text.replace(/\$(\$|\(([^)]*)\))/g, (all, rest: string, name: string) => (rest === '$' ? '$' : (known[name] ?? all)))
}

describe('what a pod is told', () => {
  const told = (bytes: number): number => {
    const p = plan({ config: { 'weaver/Main': { text: 'é$'.repeat(Math.floor(bytes / 3)) + 'x'.repeat(bytes % 3) } } })
    const value = expand(envOf(buildWorkload(p, groupNamed(p, 'main'), SERVERS))['WEAVER_BOOTSTRAP'] ?? '', { POD_NAME: 'p'.repeat(63) })
    return Buffer.byteLength(`WEAVER_BOOTSTRAP=${value}`) + 1
  }

  it('may fill the longest variable that Linux takes to the last byte, and is refused above, with the component that has most of it', () => {
    const most = 100_000 + (131_072 - told(100_000))
    expect(told(most)).toBe(131_072)
    expect(() => told(most + 1)).toThrow(
      expect.objectContaining({
        code: 'WEAVER_BOOTSTRAP_TOO_LARGE',
        message: expect.stringMatching(
          /group "main" .* has 131073 bytes, .* takes 131072 .* The configuration of "weaver\/Main" has \d+ of them/,
        ),
      }),
    )
  })
})

describe('plan of a version', () => {
  it('gives every component that no group names a group of its own', () => {
    const p = plan({ groups: [{ name: 'text', components: ['httpserver/Reverser', 'httpserver/Converter'] }] })
    expect(p.groups.map((g) => [g.name, g.components])).toEqual([
      ['main', ['weaver/Main']],
      ['text', ['httpserver/Converter', 'httpserver/Reverser']],
    ])
    expect(groupNamed(p, 'main').calls).toEqual(['httpserver/Converter', 'httpserver/Reverser'])
  })

  it('numbers listener ports by sorted name, and gives an undeclared listener port 80', () => {
    const p = plan({ listeners: [{ name: 'lis', port: 8443 }] })
    expect(p.listeners.map((l) => [l.name, l.containerPort, l.servicePort])).toEqual([
      ['admin', 8080, 80],
      ['lis', 8081, 8443],
    ])
  })

  it('takes replicas from the present spec and everything else from the snapshot', () => {
    const groups = [{ name: 'text', components: ['httpserver/Reverser'], env: [{ name: 'A', value: 'old' }] }]
    const p = plan({ groups }, { present: { groups: [{ ...groups[0]!, replicas: { min: 4 }, env: [{ name: 'A', value: 'new' }] }] } })
    expect(groupNamed(p, 'text').replicas).toEqual({ min: 4, max: 4, cpu: 80 })
    expect(groupNamed(p, 'text').env).toEqual([{ name: 'A', value: 'old' }])
  })

  it('scales a group by what is in it: a name given, changed or taken away since changes nothing else (issue 10, 41)', () => {
    const named = { name: 'rev', components: ['httpserver/Reverser'], replicas: { min: 3 } }
    const scaled = plan({}, { present: { image: 'reg/httpserver:v1', groups: [named] } })
    expect(scaled.groups.map((g) => [g.name, g.replicas.min])).toEqual([
      ['converter', 1],
      ['main', 1],
      ['reverser', 3],
    ])
    const renamed = plan({ groups: [named] }, { present: { image: 'reg/httpserver:v1', groups: [{ ...named, name: 'again' }] } })
    expect(groupNamed(renamed, 'rev').replicas.min).toBe(3)
    const unnamed = plan({ groups: [named] }, { present: { image: 'reg/httpserver:v1' } })
    expect(groupNamed(unnamed, 'rev').replicas.min).toBe(1)
    // Of another version nothing is taken away while it still serves.
    expect(groupNamed(plan({ groups: [named] }, { present: {} }), 'rev').replicas.min).toBe(3)
  })
})

describe('workload', () => {
  const config = {
    'weaver/Main': { greeting: 'costs $(HOME) and $$5', $key: '$(POD_NAME)' },
    'httpserver/Reverser': { secret: 'for the reverser only' },
  }
  const p = plan({
    config,
    env: [
      { name: 'POD_NAME', value: 'stolen' },
      { name: 'LANG', value: 'C' },
    ],
  })
  const workload = buildWorkload(p, groupNamed(p, 'main'), SERVERS)

  it('tells the weavelet what it is, in a bootstrap that survives Kubernetes expansion', () => {
    const bootstrap = parseBootstrap(
      expand(envOf(workload)['WEAVER_BOOTSTRAP'] ?? '', { POD_NAME: 'hello-main-1', HOME: '/home/somebody' }),
    )
    expect(bootstrap).toMatchObject({
      app: 'hello',
      versionId: p.versionId,
      deploymentId: p.deploymentId,
      group: 'main',
      replica: 'hello-main-1',
      components: ['weaver/Main'],
      listeners: { admin: { address: '0.0.0.0:8080' }, lis: { address: '0.0.0.0:8081' } },
      nats: { servers: SERVERS, credsFile: '/var/run/weaver/nats/user.creds' },
      health: { address: '0.0.0.0:8079' },
      config: { 'weaver/Main': config['weaver/Main'] },
    })
    expect(bootstrap.config).not.toHaveProperty('httpserver/Reverser')
    const stopMs = (bootstrap.preStopMs ?? 0) + (bootstrap.shutdownGraceMs ?? 0)
    expect(stopMs).toBeLessThan(podOf(workload).terminationGracePeriodSeconds * 1000)
  })

  it('lets nobody override what the operator sets, and sets no NODE_OPTIONS', () => {
    const names = podOf(workload).containers[0].env.map((e: any) => e.name)
    expect(names).toEqual(['POD_NAME', 'WEAVER_BOOTSTRAP', 'LANG'])
    expect(podOf(workload).containers[0].env[0]).toEqual({ name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } })
  })

  it('runs the pinned image, asks readiness by deployment id, and mounts its own credentials read-only', () => {
    const [container] = podOf(workload).containers
    expect(container.image).toBe(`reg/httpserver@sha256:${'a'.repeat(64)}`)
    expect(container.readinessProbe.httpGet).toEqual({ path: `/readyz?v=${p.deploymentId}`, port: 8079 })
    expect(container.volumeMounts).toContainEqual({ name: 'nats', mountPath: '/var/run/weaver/nats', readOnly: true })
    expect(podOf(workload).volumes).toContainEqual({ name: 'tmp', emptyDir: {} })
    expect(podOf(workload).volumes[0].secret.secretName).toBe(groupNamed(p, 'main').secretName)
  })

  it('sends replicas only where no autoscaler rules', () => {
    const scaled = plan({ groups: [{ name: 'text', components: ['httpserver/Reverser'], replicas: { min: 2, max: 5 } }] })
    const text = groupNamed(scaled, 'text')
    expect(buildWorkload(scaled, text, SERVERS)['spec']).not.toHaveProperty('replicas')
    expect(buildAutoscaler(scaled, text)?.['spec']).toMatchObject({ minReplicas: 2, maxReplicas: 5 })
    expect(buildDisruptionBudget(scaled, text)?.['spec']).toMatchObject({ maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow' })
    const main = groupNamed(scaled, 'main')
    expect(buildWorkload(scaled, main, SERVERS)['spec']).toMatchObject({ replicas: 1 })
    expect(buildAutoscaler(scaled, main)).toBeUndefined()
    expect(buildDisruptionBudget(scaled, main)).toBeUndefined()
  })
})

describe('listener service and network policy', () => {
  it('selects the pods of the one group that exports the listener', () => {
    const p = plan()
    const service = buildListenerService(p, p.listeners[1]!)
    expect(service['spec']).toMatchObject({
      selector: { [LABELS.app]: 'hello', [LABELS.version]: p.versionId, [LABELS.group]: 'main' },
      ports: [{ port: 80, targetPort: 8081 }],
    })
  })

  it('lets in whoever splits the traffic by the spec of the moment, not of the snapshot', () => {
    const froms = (driver: 'proxy' | 'none') =>
      // the manifest is plain JSON
      (buildVersionNetworkPolicy(plan({}, { present: { traffic: { driver } } }))['spec'] as any).ingress.map(
        (rule: any) => rule.from !== undefined,
      )
    expect(froms('proxy')).toEqual([false, true])
    expect(froms('none')).toEqual([false, false])
  })

  it('lets only proxies of the app reach listeners, and leaves egress alone', () => {
    const policy = buildVersionNetworkPolicy(plan())['spec'] as any
    expect(policy.policyTypes).toEqual(['Ingress'])
    expect(policy.ingress[0]).toEqual({ ports: [{ port: 8079, protocol: 'TCP' }] })
    expect(policy.ingress[1].from).toEqual([{ podSelector: { matchLabels: { [LABELS.app]: 'hello', [LABELS.role]: 'proxy' } } }])
    expect(policy.ingress[1].ports.map((x: any) => x.port)).toEqual([8080, 8081])
  })
})

describe('snapshot', () => {
  it('comes back from its ControllerRevision as it went in, emptied containers included', () => {
    const p = plan({ config: { 'weaver/Main': { list: [], nothing: {} } } })
    const revision = buildVersionRevision(p.app, p.snapshot, 3)
    expect(revision['revision']).toBe(3)
    expect(parseSnapshot(JSON.parse(JSON.stringify(revision['data'])))).toEqual(p.snapshot)
    expect(() => parseSnapshot({ format: 9 })).toThrow(/does not hold a snapshot/)
  })
})

describe('pod that prints the graph', () => {
  it('replaces the command, empties what Node would load first, and has no token, mesh or long life', () => {
    const p = plan({ nodeSelector: { disk: 'ssd' }, tolerations: [{ operator: 'Exists' }], imagePullSecrets: [{ name: 'pull' }] })
    const pod = buildDescribePod(APP, p.versionId, p.snapshot.spec)
    const spec = podOf(pod)
    expect(spec.containers[0].command).toEqual(['node', '-e', DESCRIBE_PROGRAM])
    expect(envOf(pod)).toEqual({ NODE_OPTIONS: '', NODE_PATH: '' })
    expect(spec).toMatchObject({
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      activeDeadlineSeconds: 300,
      nodeSelector: { disk: 'ssd' },
      tolerations: [{ operator: 'Exists' }],
      imagePullSecrets: [{ name: 'pull' }],
    })
    expect(pod.metadata.labels['sidecar.istio.io/inject']).toBe('false')
    expect(pod.metadata.annotations?.['linkerd.io/inject']).toBe('disabled')
  })
})

describe('every manifest', () => {
  const long = { ...APP, name: 'an-application-with-a-name-that-is-rather-long-indeed' }
  const groups = [{ name: 'g'.repeat(40), components: ['httpserver/Reverser'], replicas: { min: 2, max: 3 } }]
  const all = [...everything(plan()), ...everything(plan({ groups }, { app: long }))]

  it.each(all.map((m) => [`${m.kind} ${m.metadata.name}`, m] as const))(
    '%s is named within limits, labelled, owned and hashed',
    (_title, m) => {
      expect(m.metadata.name).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/)
      expect(m.metadata.name.length).toBeLessThanOrEqual(63)
      expect(m.metadata.labels[LABELS.version]).toMatch(/^[a-z0-9]{8}$/)
      for (const value of Object.values(m.metadata.labels)) expect(value.length).toBeLessThanOrEqual(63)
      expect(m.metadata.ownerReferences).toEqual([expect.objectContaining({ kind: 'WeaverApp', uid: 'u-1', controller: true })])
      expect(m.metadata.annotations?.[ANNOTATIONS.appliedHash]).toMatch(/^[0-9a-f]{16}$/)
    },
  )

  it.each(all.filter((m) => m.kind === 'Deployment' || m.kind === 'Pod').map((m) => [m.metadata.name, m] as const))(
    '%s meets the restricted Pod Security Standard',
    (_name, m) => {
      const spec = podOf(m)
      expect(spec.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } })
      expect(spec.securityContext.runAsUser).toBeGreaterThan(0)
      for (const field of ['hostNetwork', 'hostPID', 'hostIPC']) expect(spec[field]).toBeUndefined()
      for (const volume of spec.volumes ?? []) expect(Object.keys(volume).some((k) => k === 'emptyDir' || k === 'secret')).toBe(true)
      for (const container of spec.containers) {
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          runAsNonRoot: true,
          capabilities: { drop: ['ALL'] },
        })
        expect(container.resources.requests).toBeDefined()
        for (const port of container.ports ?? []) expect(port.hostPort).toBeUndefined()
      }
      expect(spec.automountServiceAccountToken).toBe(false)
    },
  )

  it('is the same for the same input, byte for byte', () => {
    expect(JSON.stringify(everything(plan()))).toBe(JSON.stringify(everything(plan())))
  })

  it('carries no emptied containers but emptyDir', () => {
    expect(
      finishManifest({ metadata: { name: 'x', labels: {} }, spec: { a: [], b: { c: undefined }, volumes: [{ name: 't', emptyDir: {} }] } }),
    ).toMatchObject({
      metadata: { name: 'x' },
      spec: { volumes: [{ name: 't', emptyDir: {} }] },
    })
    for (const m of all.filter((x) => x.kind !== 'ControllerRevision'))
      expect(JSON.stringify(m)).not.toMatch(/"(?!emptyDir)\w+":(\[\]|\{\})/)
  })
})
