import type { WeaverApp } from '@weaver/crds'
import { sh, type ShOptions } from './sh.js'

/** `kubectl` on the cluster that the harness handed in by KUBECONFIG. */
export async function kubectl(args: readonly string[], options: ShOptions = {}): Promise<string> {
  return (await sh(['kubectl', ...args], options)).stdout
}

export async function getJson<T>(args: readonly string[]): Promise<T> {
  return JSON.parse(await kubectl(['get', ...args, '-o', 'json'])) as T
}

export async function getApp(namespace: string, name: string): Promise<WeaverApp> {
  return getJson<WeaverApp>(['weaverapp', name, '-n', namespace])
}

export async function applyYaml(yaml: string, options: ShOptions = {}): Promise<string> {
  return kubectl(['apply', '-f', '-'], { ...options, input: yaml })
}

/**
 * Names, `kind/name`, of everything a user can see in a namespace, but what Kubernetes itself puts
 * there.
 */
export async function everythingIn(namespace: string): Promise<readonly string[]> {
  const kinds =
    'deployments,replicasets,pods,services,endpointslices,configmaps,secrets,controllerrevisions,horizontalpodautoscalers,poddisruptionbudgets,networkpolicies,serviceaccounts,jobs,statefulsets,weaverapps'
  const out = await kubectl(['get', kinds, '-n', namespace, '-o', 'name', '--ignore-not-found'])
  return out
    .split('\n')
    .filter((line) => line !== '' && line !== 'configmap/kube-root-ca.crt' && line !== 'serviceaccount/default')
    .sort()
}

export interface PodSummary {
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> }
  readonly status: {
    readonly podIP?: string
    readonly phase: string
    readonly conditions?: readonly { readonly type: string; readonly status: string }[]
  }
}

export async function pods(namespace: string, selector: string): Promise<readonly PodSummary[]> {
  return (await getJson<{ items: PodSummary[] }>(['pods', '-n', namespace, '-l', selector])).items
}
