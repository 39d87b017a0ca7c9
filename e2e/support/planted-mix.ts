import { stringify } from 'yaml'
import { applyYaml, getJson, kubectl } from './kube.js'
import { startLoad, type Load } from './load.js'
import { weaver } from './platform.js'
import { eventually } from './sh.js'

interface WorkloadJson {
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> }
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: readonly { readonly env: readonly { readonly name: string; readonly value?: string }[] }[]
        readonly [field: string]: unknown
      }
    }
  }
}

/**
 * Builds what must never happen: a pod that runs the *old* release's image but has the bootstrap
 * and the broker credentials of the *new* version. Its answers carry the old release's signature of
 * `main` and the new one's of the components it calls; load on it must count every answer as mixed.
 */
export async function startPlantedMix(options: {
  readonly namespace: string
  readonly app: string
  readonly image: string
  readonly release: string
  readonly version: string
  readonly baseImage: string
}): Promise<{ readonly load: Load; remove(): Promise<void> }> {
  const { namespace, app } = options
  await weaver(['image', 'push', '--package', options.release, options.image], { timeoutMs: 180_000 })
  const { items } = await getJson<{ items: WorkloadJson[] }>([
    'deployments',
    '-n',
    namespace,
    '-l',
    `weaver.dev/version=${options.version},weaver.dev/group=main`,
  ])
  const [main] = items
  const [container] = main?.spec.template.spec.containers ?? []
  if (main === undefined || container === undefined) throw new Error(`version ${options.version} has no workload of the group "main"`)
  const name = `${app}-planted-mix`
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: { 'e2e.weaver.dev/planted': 'mix' } },
    spec: {
      ...main.spec.template.spec,
      terminationGracePeriodSeconds: 1,
      topologySpreadConstraints: undefined,
      affinity: undefined,
      containers: [{ ...container, image: options.image, readinessProbe: undefined, livenessProbe: undefined, startupProbe: undefined }],
    },
  }
  await applyYaml(stringify(JSON.parse(JSON.stringify(pod))))
  let load: Load | undefined
  const remove = async (): Promise<void> => {
    await load?.remove()
    await kubectl(['delete', 'pod', name, '-n', namespace, '--ignore-not-found', '--grace-period=1', '--timeout=90s'])
  }
  try {
    const ip = await eventually(`the planted pod ${name} to run`, async () => {
      const found = await getJson<{ status: { phase: string; podIP?: string } }>(['pod', name, '-n', namespace])
      return found.status.phase === 'Running' ? found.status.podIP : undefined
    })
    load = await startLoad({ namespace, name: 'load-planted', url: `http://${ip}:8080`, rate: 20, image: options.baseImage })
    return { load, remove }
  } catch (error) {
    await remove()
    throw error
  }
}
