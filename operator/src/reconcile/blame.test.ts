import type { Pod } from '../describe/pod-view.js'
import type { PlannedGroup } from '../desired/version-plan.js'
import { blameGroup, rootsFirst } from './blame.js'

const GROUP = { name: 'reverser', components: ['httpserver/Reverser'], workloadName: 'hello-reverser-v2' } as unknown as PlannedGroup // the fields that blame reads

function pod(name: string, status: Pod['status']): Pod {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name }, ...(status === undefined ? {} : { status }) }
}
const app = (more: object) => [{ name: 'app', ...more }]

describe('blame', () => {
  it.each([
    [
      'a crash loop, with how it ended',
      pod('p', {
        containerStatuses: app({
          restartCount: 3,
          state: { waiting: { reason: 'CrashLoopBackOff' } },
          lastState: { terminated: { reason: 'Error', exitCode: 7, message: 'boom\n  at x' } },
        }),
      }),
      'component "httpserver/Reverser": pod "p": CrashLoopBackOff (3 restarts); it ended with Error, exit code 7: boom at x',
    ],
    [
      'a process that logged before it gave up',
      pod('p', {
        containerStatuses: app({
          state: { waiting: { reason: 'CrashLoopBackOff' } },
          lastState: {
            terminated: {
              exitCode: 1,
              message: [
                '-01-01T00:00:00.000Z","level":"error","msg":"cut by the kubelet"}',
                '{"ts":"t","level":"error","msg":"an earlier one"}',
                '{"ts":"t","level":"error","msg":"the application failed","err":{"name":"Error","message":"no table","stack":"Error: no table"}}',
                '{"ts":"t","level":"info","msg":"bye"}',
                '',
              ].join('\n'),
            },
          },
        }),
      }),
      'component "httpserver/Reverser": pod "p": CrashLoopBackOff; it ended with Error, exit code 1: the application failed: no table',
    ],
    [
      'an image that cannot be pulled',
      pod('p', { containerStatuses: app({ state: { waiting: { reason: 'ImagePullBackOff', message: 'not found' } } }) }),
      'component "httpserver/Reverser": pod "p": ImagePullBackOff: not found',
    ],
    [
      'a pod that no node takes',
      pod('p', { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', message: 'Insufficient cpu' }] }),
      'component "httpserver/Reverser": pod "p": Unschedulable: Insufficient cpu',
    ],
    [
      'a pod that runs and is not ready',
      pod('p', { phase: 'Running', containerStatuses: app({ started: true, ready: false, state: { running: {} } }) }),
      'component "httpserver/Reverser": pod "p": ReadinessProbeFailing: it runs but does not report ready',
    ],
  ])('names component, pod and reason of %s', (_title, found, said) => {
    expect(blameGroup(GROUP, [found], undefined)).toBe(said)
  })

  it('looks at the worst pod first and not at ready or ending ones', () => {
    const ready = pod('a-ready', {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'True' }],
      containerStatuses: app({ ready: true, state: { running: {} } }),
    })
    const starts = pod('b-starts', { phase: 'Pending', containerStatuses: app({ state: { waiting: { reason: 'ContainerCreating' } } }) })
    const crashes = pod('c-crashes', { containerStatuses: app({ state: { waiting: { reason: 'CrashLoopBackOff' } } }) })
    const ending = { ...crashes, metadata: { name: '0-ending', deletionTimestamp: '2026-01-01T00:00:00Z' } }
    expect(blameGroup(GROUP, [ready, starts, ending, crashes], undefined)).toContain('pod "c-crashes"')
  })

  it('names the quota that lets the Deployment make no pod', () => {
    const workload = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'w' },
      status: { conditions: [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'exceeded quota' }] },
    }
    expect(blameGroup(GROUP, [], workload)).toBe(
      'component "httpserver/Reverser": Deployment "hello-reverser-v2" cannot create pods: FailedCreate: exceeded quota',
    )
    expect(blameGroup(GROUP, [], undefined)).toContain('is not there yet')
  })

  it('begins with the group that the others wait for, and leaves circles as they are', () => {
    const group = (name: string, ...needs: readonly string[]): PlannedGroup =>
      ({ name, components: [`shop/${name}`], needs: needs.map((need) => `shop/${need}`) }) as unknown as PlannedGroup // the fields that count
    const order = (...groups: readonly PlannedGroup[]): readonly string[] => rootsFirst(groups).map(({ name }) => name)
    expect(order(group('Web', 'Cart', 'Web'), group('Cart', 'Stock'), group('Stock'))).toEqual(['Stock', 'Web', 'Cart'])
    expect(order(group('Web', 'Cart'), group('Cart', 'Stock'))).toEqual(['Cart', 'Web'])
    expect(order(group('Ping', 'Pong'), group('Pong', 'Ping'))).toEqual(['Ping', 'Pong'])
  })
})
