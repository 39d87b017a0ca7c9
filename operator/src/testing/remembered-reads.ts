import type { KubeApi, KubeObject, ResourceKind } from '@weaver/kube'

/**
 * A `KubeApi` that asks the server for what it has not read since the last write to that kind in
 * that namespace. Its answers are those of the server as long as nobody else writes there: no
 * controller runs beside the API server of a test. Objects come frozen, as they are shared.
 */
export function createRememberedReads(api: KubeApi): KubeApi {
  const answers = new Map<string, Map<string, Promise<unknown>>>()
  const placeOf = (kind: ResourceKind, namespace = ''): string => `${kind.group}/${kind.plural} ${namespace}`
  const read = <T>(place: string, question: string, ask: () => Promise<T>): Promise<T> => {
    const known = answers.get(place) ?? new Map<string, Promise<unknown>>()
    answers.set(place, known)
    const found = known.get(question) ?? ask().then(frozen)
    known.set(question, found)
    found.catch(() => known.delete(question))
    return found as Promise<T> // the question names the kind
  }
  const write = async <T>(kind: ResourceKind, namespace: string | undefined, act: () => Promise<T>): Promise<T> => {
    // Of one namespace, and of all of them.
    const forget = (): void => [namespace, ''].forEach((one) => answers.delete(placeOf(kind, one)))
    forget()
    try {
      return await act()
    } finally {
      forget()
    }
  }
  const at = ({ metadata }: KubeObject): string | undefined => metadata.namespace
  return {
    get: (kind, namespace, name, o) => read(placeOf(kind, namespace), `get ${name}`, () => api.get(kind, namespace, name, o)),
    list: (kind, o) => read(placeOf(kind, o.namespace), `list ${o.labelSelector ?? ''}`, () => api.list(kind, o)),
    podLogs: (namespace, pod, o) => api.podLogs(namespace, pod, o),
    checkCreation: (kind, object, o) => api.checkCreation(kind, object, o),
    apply: (kind, object, o) => write(kind, at(object), () => api.apply(kind, object, o)),
    replaceStatus: (kind, object, o) => write(kind, at(object), () => api.replaceStatus(kind, object, o)),
    create: (kind, object, o) => write(kind, at(object), () => api.create(kind, object, o)),
    patch: (kind, namespace, name, body, o) => write(kind, namespace, () => api.patch(kind, namespace, name, body, o)),
    delete: (kind, namespace, name, o) => write(kind, namespace, () => api.delete(kind, namespace, name, o)),
  }
}

function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  Object.values(value).forEach(frozen)
  return Object.freeze(value)
}
