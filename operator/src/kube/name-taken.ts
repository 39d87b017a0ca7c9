import { ANNOTATIONS } from '@weaver/crds'
import { WeaverError } from '@weaver/sdk/contract'
import type { KubeObject, OwnerReference, ResourceKind } from '@weaver/kube'
import type { OperatorErrorCode } from '../errors/catalogue.js'

/**
 * A name that a WeaverApp needs belongs to an object that is not the app's. `WEAVER_NAME_TAKEN`;
 * nothing was written.
 */
export class NameTakenError extends WeaverError {
  /** The object is given to the app, and is taken over when something else is so first. */
  readonly isPending: boolean

  constructor(owner: Pick<OwnerReference, 'kind' | 'name'>, kind: ResourceKind, found: KubeObject, adoptsOnce?: string) {
    const message =
      adoptsOnce === undefined
        ? sentence(owner, kind, found)
        : `${adoptsOnce}: then ${kind.kind} "${found.metadata.name}", which is given to ${owner.kind} "${owner.name}", is taken over`
    super('WEAVER_NAME_TAKEN' satisfies OperatorErrorCode, message, {
      details: { kind: kind.kind, namespace: found.metadata.namespace ?? '', name: found.metadata.name },
    })
    this.isPending = adoptsOnce !== undefined
  }
}
Object.defineProperty(NameTakenError.prototype, 'name', { value: 'NameTakenError', configurable: true, writable: true })

export function isNameTaken(error: unknown): error is NameTakenError {
  return error instanceof NameTakenError
}

/**
 * Whether its user gives an object to the app: it names the app in an annotation, and no controller
 * has it.
 */
export function isGivenTo(object: KubeObject, app: string): boolean {
  return object.metadata.annotations?.[ANNOTATIONS.adopt] === app && !object.metadata.ownerReferences?.some((o) => o.controller === true)
}

/**
 * Whether an object stays usable for its users when it is adopted: a Service of another type would
 * lose its address.
 */
export function isLike(kind: ResourceKind, found: KubeObject, wanted: KubeObject): boolean {
  return kind.plural !== 'services' || serviceType(found) === serviceType(wanted)
}

function serviceType(service: KubeObject): string {
  const { type = 'ClusterIP', clusterIP } = (service['spec'] ?? {}) as { readonly type?: string; readonly clusterIP?: string } // a Service's, by its schema
  return clusterIP === 'None' ? 'headless' : type
}

function sentence(app: Pick<OwnerReference, 'kind' | 'name'>, kind: ResourceKind, found: KubeObject): string {
  const { metadata } = found
  const { name, namespace = '' } = metadata
  const what = `${kind.kind} "${name}" in namespace "${namespace}"`
  const controller = metadata.ownerReferences?.find((o) => o.controller === true)
  if (controller?.kind === app.kind && controller.name === app.name)
    return `${what} is left from an earlier ${app.kind} "${app.name}" that was deleted, and goes by garbage collection; delete it if it stays`
  const annotate = `kubectl annotate ${kind.plural} ${name} -n ${namespace} ${ANNOTATIONS.adopt}=${app.name}`
  if (controller !== undefined)
    return `${what} belongs to ${controller.kind} "${controller.name}", not to ${app.kind} "${app.name}", and is left alone; rename the app, the group or the listener that the name comes from`
  if (isGivenTo(found, app.name))
    return `${what} is given to ${app.kind} "${app.name}" but is of another type (${serviceType(found)}), and would lose its address; make a Service of the listener's type beside it and move its users there`
  const managers = [...new Set(metadata.managedFields?.flatMap((m) => m.manager ?? []) ?? [])]
  const by = managers.length === 0 ? '' : ` (written by ${managers.join(', ')})`
  return `${what} has no owner${by}, is not of ${app.kind} "${app.name}", and is left alone; rename the app, the group or the listener that the name comes from, delete the object, or give it to the app: ${annotate}`
}
