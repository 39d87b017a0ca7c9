import type { KubeObject } from '../api/kube-api.js'

/**
 * Objects that a reflector has seen, by namespace and name and by one label. They are shared: do
 * not modify them.
 */
export interface StoreView<T extends KubeObject> {
  get(namespace: string, name: string): T | undefined
  /** Objects of a namespace whose indexed label has this value. */
  byLabel(namespace: string, value: string): readonly T[]
  all(): readonly T[]
}

/**
 * Keeps the newest object of each name. Newer is what arrived later: resource versions are opaque
 * and not compared.
 */
export class Store<T extends KubeObject> implements StoreView<T> {
  readonly #label: string
  readonly #objects = new Map<string, T>()
  readonly #index = new Map<string, Map<string, T>>()

  /** @param label the label that `byLabel` looks up. */
  constructor(label: string) {
    this.#label = label
  }

  get(namespace: string, name: string): T | undefined {
    return this.#objects.get(`${namespace}/${name}`)
  }

  byLabel(namespace: string, value: string): readonly T[] {
    return [...(this.#index.get(`${namespace}/${value}`)?.values() ?? [])]
  }

  all(): readonly T[] {
    return [...this.#objects.values()]
  }

  set(object: T): void {
    const key = keyOf(object)
    this.delete(key)
    this.#objects.set(key, object)
    const index = this.#indexKey(object)
    if (index === undefined) return
    const found = this.#index.get(index) ?? new Map<string, T>()
    this.#index.set(index, found.set(key, object))
  }

  /** @returns the deleted object */
  delete(key: string): T | undefined {
    const old = this.#objects.get(key)
    if (old === undefined) return undefined
    this.#objects.delete(key)
    const index = this.#indexKey(old)
    const found = index === undefined ? undefined : this.#index.get(index)
    found?.delete(key)
    if (index !== undefined && found?.size === 0) this.#index.delete(index)
    return old
  }

  #indexKey(object: T): string | undefined {
    const value = object.metadata.labels?.[this.#label]
    return value === undefined ? undefined : `${object.metadata.namespace ?? ''}/${value}`
  }
}

export function keyOf(object: KubeObject): string {
  return `${object.metadata.namespace ?? ''}/${object.metadata.name}`
}
