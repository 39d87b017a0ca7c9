import { FIELD_MANAGER } from '@weaver/crds'
import { createKubeClient, type KubeClient, type KubeClientOptions } from '@weaver/kube'
import { remedyOf } from './remedies.js'

/**
 * The Kubernetes API as the operator calls it: under its field manager, with its remedies in the
 * errors.
 */
export function createOperatorClient(options: Omit<KubeClientOptions, 'fieldManager' | 'remedyOf'>): KubeClient {
  return createKubeClient({ ...options, fieldManager: FIELD_MANAGER, remedyOf })
}
