import type { KubeApi, KubeObject, ResourceKind } from '@weaver/kube'
/**
 * The Kubernetes API at the border of driver tests. Differs from the real one: objects live in a Map, nothing is validated or defaulted, `apply` replaces the
 * whole object instead of merging fields, nobody acts on Deployments. Kept: resource versions, the refusal of a stale one, cluster addresses of Services given
 * with `put`. What a real API server says to these manifests is tried by the cluster stories.
 */

export interface MemoryKube extends KubeApi {
  put(kind: ResourceKind, object: KubeObject): void
  find(kind: ResourceKind, namespace: string, name: string): KubeObject | undefined
  remove(kind: ResourceKind, namespace: string, name: string): void
  /** Number of `apply` calls, by kind and name. */
  readonly applied: Map<string, number>
}

export function createMemoryKube(): MemoryKube {
  const objects = new Map<string, KubeObject>()
  const applied = new Map<string, number>()
  let version = 0
  const keyOf = (kind: ResourceKind, namespace = '', name: string) => `${kind.plural}/${namespace}/${name}`
  const store = (kind: ResourceKind, object: KubeObject): KubeObject => {
    version += 1
    const key = keyOf(kind, object.metadata.namespace, object.metadata.name)
    const uid = objects.get(key)?.metadata.uid ?? `uid-${version}`
    const stored = { ...object, metadata: { uid, ...object.metadata, resourceVersion: String(version) } }
    objects.set(key, stored)
    return stored
  }
  const unused = (name: string) => () => Promise.reject(new Error(`${name} is not used by the driver`))
  return {
    applied,
    put: (kind, object) => void store(kind, object),
    find: (kind, namespace, name) => objects.get(keyOf(kind, namespace, name)),
    remove: (kind, namespace, name) => void objects.delete(keyOf(kind, namespace, name)),
    // The caller names the type it expects; a store of JSON cannot know it.
    get: async <T extends KubeObject>(kind: ResourceKind, namespace: string, name: string) =>
      objects.get(keyOf(kind, namespace, name)) as T | undefined,
    async list<T extends KubeObject>(kind: ResourceKind, options: { readonly namespace?: string; readonly labelSelector?: string }) {
      const wanted = (options.labelSelector ?? '')
        .split(',')
        .filter((p) => p !== '')
        .map((p) => p.split('='))
      const items = [...objects.entries()]
        .filter(([key]) => key.startsWith(`${kind.plural}/${options.namespace ?? ''}`))
        .map(([, o]) => o as T)
        .filter((o) => wanted.every(([k = '', v]) => o.metadata.labels?.[k] === v))
      return { items, resourceVersion: String(version) }
    },
    async apply<T extends KubeObject>(kind: ResourceKind, object: KubeObject) {
      const found = objects.get(keyOf(kind, object.metadata.namespace, object.metadata.name))
      const { resourceVersion } = object.metadata
      if (resourceVersion !== undefined && resourceVersion !== found?.metadata.resourceVersion)
        throw new Error(`409: ${kind.kind} "${object.metadata.name}" has been modified`)
      const name = `${kind.kind}/${object.metadata.name}`
      applied.set(name, (applied.get(name) ?? 0) + 1)
      return store(kind, object) as T
    },
    async delete(kind, namespace, name) {
      return objects.delete(keyOf(kind, namespace, name))
    },
    replaceStatus: unused('replaceStatus'),
    checkCreation: unused('checkCreation'),
    create: unused('create'),
    patch: unused('patch'),
    podLogs: unused('podLogs'),
  }
}
