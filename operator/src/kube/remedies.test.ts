import { KubeError } from '@weaver/kube'
import { remedyOf } from './remedies.js'

const refused = (message: string): string => {
  const refusal = { status: 403, reason: 'Forbidden', message }
  return new KubeError('patch Deployment "shop/cart"', { ...refusal, remedy: remedyOf(refusal) }).message
}

describe('a refusal with 403', () => {
  it.each([
    ['pods "c" is forbidden: exceeded quota: q, requested: pods=1, used: pods=5, limited: pods=5', /Raise the ResourceQuota/],
    ['pods "c" is forbidden: failed quota: q: must specify limits.cpu for: app', /give them in spec\.resources/],
    ['pods "c" is forbidden: violates PodSecurity "restricted:latest": privileged', /Pod Security Standard/],
    ['pods "c" is forbidden: maximum cpu usage per Container is 1, but limit is 2', /LimitRange/],
    [
      'deployments.apps "c" is forbidden: User "system:serviceaccount:w:op" cannot patch resource "deployments" in API group "apps"',
      /ClusterRole/,
    ],
  ])('%s: the remedy is for whoever refused', (message, remedy) => {
    expect(refused(message)).toMatch(remedy)
  })

  it.each(['admission webhook "policy.example" denied the request: no latest tags', 'namespace x because it is being terminated'])(
    '%s: none is made up',
    (message) => {
      expect(refused(message)).toBe(`patch Deployment "shop/cart": ${message} (403 Forbidden)`)
    },
  )
})
