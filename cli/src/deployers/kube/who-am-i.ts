import type { KubeClient } from './kube-client.js'

const PATH = '/apis/authentication.k8s.io/v1/selfsubjectreviews'

/** The name by which the API server knows whoever calls; `undefined` where it does not say (Kubernetes before 1.28, or no permission). */
export async function whoAmI(client: KubeClient): Promise<string | undefined> {
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' }
  const answer = await client.call({ method: 'POST', path: PATH, body, accept: [403, 404], what: 'your own name' })
  const { status } = answer.body as { readonly status?: { readonly userInfo?: { readonly username?: string } } | string } // a SelfSubjectReview, or a Status
  return typeof status === 'object' ? status.userInfo?.username : undefined
}
