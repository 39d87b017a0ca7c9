import { FIELD_MANAGER } from '@weaver/crds'
import { startApiServer as start, type ApiServer, type ApiServerOptions } from '@weaver/kube/testing'
import { remedyOf } from '../kube/remedies.js'

export type { ApiServer } from '@weaver/kube/testing'

/** A real API server whose admin calls as the operator does. */
export function startApiServer(options: Omit<ApiServerOptions, 'client'> = {}): Promise<ApiServer> {
  return start({ ...options, client: { fieldManager: FIELD_MANAGER, remedyOf } })
}
