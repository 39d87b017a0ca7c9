import { listenerServiceName, networkPolicyName, revisionName, workloadName, workloadSecretName } from './names.js'

export interface ObjectName {
  readonly kind: string
  readonly name: string
}

/** The Kubernetes objects of a version of an application, in the order in which they are made. */
export function versionObjects(
  app: string,
  versionId: string,
  of: {
    /** `max` above `min`: it is autoscaled. */
    readonly groups: readonly { readonly name: string; readonly min: number; readonly max: number }[]
    readonly listeners: readonly string[]
  },
): readonly ObjectName[] {
  return [
    { kind: 'ControllerRevision', name: revisionName(app, versionId) },
    ...of.groups.map(({ name }) => ({ kind: 'Secret', name: workloadSecretName(app, name, versionId) })),
    { kind: 'NetworkPolicy', name: networkPolicyName(app, versionId) },
    ...of.listeners.map((listener) => ({ kind: 'Service', name: listenerServiceName(app, listener, versionId) })),
    ...of.groups.flatMap(({ name: group, min, max }) => {
      const name = workloadName(app, group, versionId)
      return [
        { kind: 'Deployment', name },
        ...(max > min ? [{ kind: 'HorizontalPodAutoscaler', name }] : []),
        ...(min > 1 ? [{ kind: 'PodDisruptionBudget', name }] : []),
      ]
    }),
  ]
}
