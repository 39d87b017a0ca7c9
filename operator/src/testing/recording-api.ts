import type { KubeApi, ResourceKind } from '@weaver/kube'
/** A `KubeApi` around a real one that counts writes, and can die right after the n-th of them, as a killed process would. */

export class Crash extends Error {
  constructor() {
    super('the process is dead')
  }
}

export interface RecordingApi extends KubeApi {
  /** `apply deployments hello-main-abc`, in order. */
  readonly writes: string[]
  /** Lets this many more writes reach the server; the call that made the last one, and every later call, fails. */
  crashAfter(writes: number): void
  /** Throws once the process is dead: for what it would do beside the API. */
  check(): void
}

export function createRecordingApi(api: KubeApi, options: { readonly podLogs?: (pod: string) => string } = {}): RecordingApi {
  const writes: string[] = []
  let left = Number.POSITIVE_INFINITY
  const alive = () => {
    if (left <= 0) throw new Crash()
  }
  const write = async <T>(
    verb: string,
    target: { readonly kind: ResourceKind; readonly name: string },
    act: () => Promise<T>,
  ): Promise<T> => {
    alive()
    const result = await act()
    writes.push(`${verb} ${target.kind.plural} ${target.name}`)
    left -= 1
    alive()
    return result
  }
  return {
    writes,
    check: alive,
    crashAfter(count) {
      left = count
    },
    async get(kind, namespace, name, o) {
      alive()
      return api.get(kind, namespace, name, o)
    },
    async list(kind, o) {
      alive()
      return api.list(kind, o)
    },
    async checkCreation(kind, object, o) {
      alive()
      return api.checkCreation(kind, object, o)
    },
    async podLogs(namespace, pod, o) {
      alive()
      return options.podLogs?.(pod) ?? api.podLogs(namespace, pod, o)
    },
    apply: (kind, object, o) =>
      write(`apply${o?.subresource === undefined ? '' : `/${o.subresource}`}`, { kind, name: object.metadata.name }, () =>
        api.apply(kind, object, o),
      ),
    replaceStatus: (kind, object, o) => write('status', { kind, name: object.metadata.name }, () => api.replaceStatus(kind, object, o)),
    create: (kind, object, o) => write('create', { kind, name: object.metadata.name }, () => api.create(kind, object, o)),
    patch: (kind, namespace, name, body, o) => write('patch', { kind, name }, () => api.patch(kind, namespace, name, body, o)),
    delete: (kind, namespace, name, o) => write('delete', { kind, name }, () => api.delete(kind, namespace, name, o)),
  }
}
