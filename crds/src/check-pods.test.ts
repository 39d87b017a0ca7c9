import { parseWeaverAppSpec } from './parse.js'
import type { WeaverAppSpecInput } from './weaver-app.js'

function problems(spec: Partial<WeaverAppSpecInput>): string[] {
  const parsed = parseWeaverAppSpec({ image: 'i', ...spec })
  return parsed.ok ? [] : parsed.issues.map((p) => `${p.path}: ${p.message}`)
}
const app = (container: object): Partial<WeaverAppSpecInput> => ({ podTemplate: { spec: { containers: [{ name: 'app', ...container }] } } })

describe('parts of pods', () => {
  it.each<readonly [string, Partial<WeaverAppSpecInput>, string]>([
    ['a variable without a value', { env: [{ name: 'A' }] }, 'spec.env[0]: has no value'],
    [
      'one with two',
      { env: [{ name: 'A', value: 'x', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }] },
      'spec.env[0]: has a value and a source',
    ],
    ['a source of nothing', { env: [{ name: 'A', valueFrom: {} }] }, 'spec.env[0].valueFrom: names no source, or several'],
    ["Weaver's own variable", { env: [{ name: 'POD_NAME', value: 'x' }] }, `spec.env[0].name: "POD_NAME" is Weaver's own`],
    [
      'the same in the template',
      app({ env: [{ name: 'WEAVER_BOOTSTRAP', value: 'x' }] }),
      `spec.podTemplate.spec.containers[0].env[0].name: "WEAVER_BOOTSTRAP" is Weaver's own`,
    ],
    [
      'the same twice',
      {
        env: [
          { name: 'A', value: '1' },
          { name: 'A', value: '2' },
        ],
      },
      'spec.env[1].name: variable "A" appears twice',
    ],
    ['an object of neither kind', { envFrom: [{ prefix: 'X_' }] }, 'spec.envFrom[0]: names no object, or two'],
    [
      'the volume of the credentials',
      { volumes: [{ name: 'nats', emptyDir: {} }] },
      `spec.volumes[0].name: volume "nats" holds the broker's credentials`,
    ],
    [
      'a mount above their folder',
      { volumeMounts: [{ name: 'x', mountPath: '/var/run/' }] },
      "spec.volumeMounts[0].mountPath: hides /var/run/weaver, where Weaver's own files are",
    ],
    [
      'a mount of them',
      app({ volumeMounts: [{ name: 'nats', mountPath: '/x' }] }),
      `spec.podTemplate.spec.containers[0].volumeMounts[0].name: volume "nats" holds the broker's credentials`,
    ],
    ...['image', 'command', 'args', 'ports', 'resources', 'startupProbe', 'readinessProbe', 'livenessProbe', 'lifecycle'].map(
      (field) => [field, app({ [field]: 'x' }), `spec.podTemplate.spec.containers[0].${field}: is decided by Weaver`] as const,
    ),
    ...['restartPolicy', 'hostNetwork', 'nodeName'].map(
      (field) => [field, { podTemplate: { spec: { [field]: true } } }, `spec.podTemplate.spec.${field}: is decided by Weaver`] as const,
    ),
    [
      'a selector label',
      { podTemplate: { metadata: { labels: { 'weaver.dev/version': 'x' } } } },
      'spec.podTemplate.metadata.labels["weaver.dev/version"]: is set by Weaver, which finds pods by it',
    ],
    [
      'too short a grace',
      { podTemplate: { spec: { terminationGracePeriodSeconds: 5 } } },
      'spec.podTemplate.spec.terminationGracePeriodSeconds: 5 is too short to finish calls in flight',
    ],
    ['a deletion', { podTemplate: { spec: { securityContext: null } } }, 'spec.podTemplate.spec.securityContext: is null'],
    [
      'a directive',
      { podTemplate: { spec: { tolerations: [{ $patch: 'replace' }] } } },
      'spec.podTemplate.spec.tolerations[0]["$patch"]: is a directive of patches',
    ],
    [
      'a container without a name',
      { podTemplate: { spec: { containers: [{ image: 'x' }] } } },
      'spec.podTemplate.spec.containers[0].name: is missing',
    ],
    [
      'a claim where replicas come and go',
      {
        groups: [
          {
            name: 'g',
            components: ['a/B'],
            replicas: { min: 1, max: 3 },
            volumes: [{ name: 'd', persistentVolumeClaim: { claimName: 'd' } }],
          },
        ],
      },
      'spec.groups[0].volumes[0].persistentVolumeClaim: group "g" is autoscaled, and a claim is for a fixed number of replicas',
    ],
  ])('%s is refused with its path', (_title, spec, said) => {
    expect(problems(spec)).toEqual([said])
  })

  it('the same of a group has the path of the group', () => {
    expect(problems({ groups: [{ name: 'g', components: ['a/B'], podTemplate: { spec: { hostNetwork: true } } }] })).toEqual([
      'spec.groups[0].podTemplate.spec.hostNetwork: is decided by Weaver',
    ])
  })

  it("what is not Weaver's is let pass: sidecars with probes and commands, init containers, any field of a pod", () => {
    const spec = {
      initContainers: [{ name: 'migrate', image: 'm', command: ['x'] }],
      containers: [
        { name: 'log', image: 'l', command: ['x'], ports: [{ containerPort: 9 }], livenessProbe: {} },
        { name: 'app', securityContext: {} },
      ],
      dnsPolicy: 'None',
    }
    expect(problems({ podTemplate: { spec, metadata: { labels: { team: 'x' } } } })).toEqual([])
  })
})
