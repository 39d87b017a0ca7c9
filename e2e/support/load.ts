import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { applyYaml, kubectl } from './kube.js'
import { eventually } from './sh.js'
import { repositoryRoot } from './paths.js'

export interface LoadSecond {
  readonly at: number
  readonly sent: number
  readonly ok: number
  readonly failed: number
  readonly mixed: number
  readonly byVersion: Readonly<Record<string, number>>
  readonly byRelease: Readonly<Record<string, number>>
}
export interface LoadReport {
  /** `ok` + `failed` + `inFlight`. */
  readonly sent: number
  readonly ok: number
  readonly failed: number
  readonly mixed: number
  readonly inFlight: number
  /** Requests sent in a second, on average. */
  readonly perSecond: number
  readonly byVersion: Readonly<Record<string, number>>
  readonly byRelease: Readonly<Record<string, number>>
  /** When the first and the last answer of a release arrived, epoch milliseconds. */
  readonly firstAt: Readonly<Record<string, number>>
  readonly lastAt: Readonly<Record<string, number>>
  readonly latencyMs: { readonly p50: number | null; readonly p99: number | null; readonly max: number | null }
  readonly failures: readonly { readonly at: number; readonly afterMs: number; readonly keepAlive: boolean; readonly why: string }[]
  readonly mixes: readonly unknown[]
  readonly seconds: readonly LoadSecond[]
}

/** A pod that sends steady load to a URL inside the cluster (`load/load.mjs`). */
export interface Load {
  readonly pod: string
  report(): Promise<LoadReport>
  /** Forgets what was counted so far. */
  reset(): Promise<void>
  /**
   * Stops sending, waits for what is in flight, takes the final count, and then removes the pod.
   */
  stop(): Promise<LoadReport>
  /**
   * Removes the pod, whether or not the load was stopped, and waits until it is gone. Idempotent.
   */
  remove(): Promise<void>
}

export async function startLoad(options: {
  readonly namespace: string
  readonly name: string
  readonly url: string
  readonly rate: number
  readonly image: string
}): Promise<Load> {
  const { namespace, name } = options
  const script = await readFile(fileURLToPath(new URL('e2e/load/load.mjs', repositoryRoot)), 'utf8')
  const labels = { 'app.kubernetes.io/name': 'weaver-load' }
  const objects = [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, labels }, data: { 'load.mjs': script } },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace, labels },
      spec: {
        restartPolicy: 'Never',
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 1,
        securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
        containers: [
          {
            name: 'load',
            image: options.image,
            command: ['node', '/load/load.mjs', options.url, String(options.rate)],
            securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
            volumeMounts: [{ name: 'script', mountPath: '/load' }],
          },
        ],
        volumes: [{ name: 'script', configMap: { name } }],
      },
    },
  ]
  const remove = async (): Promise<void> =>
    void (await kubectl(['delete', `pod/${name}`, `configmap/${name}`, '-n', namespace, '--ignore-not-found', '--timeout=90s']))
  await remove()
  await applyYaml(objects.map((object) => stringify(object)).join('---\n'))
  const ask = async (path: string, timeoutMs = 300_000): Promise<LoadReport> => {
    const program = `fetch('http://127.0.0.1:9900${path}').then(r=>r.text()).then(t=>process.stdout.write(t))`
    return JSON.parse(await kubectl(['exec', name, '-n', namespace, '--', 'node', '-e', program], { timeoutMs })) as LoadReport
  }
  await eventually(`the load pod ${namespace}/${name} to answer`, async () => (await ask('/stats')) && true, { timeoutMs: 600_000 }).catch(
    async (error: unknown) => {
      await remove()
      throw error
    },
  )
  return {
    pod: name,
    report: () => ask('/stats'),
    reset: async () => void (await ask('/reset')),
    stop: async () => {
      const final = await ask('/stop')
      await remove()
      return final
    },
    remove,
  }
}
