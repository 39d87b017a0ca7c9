import { k8s } from 'cdk8s-plus-27'

/**
 * User of every pod that Weaver creates from an application image; the image build uses the same
 * one. A number, because the kubelet cannot prove a name is not root.
 */
const APP_USER = 1000

/**
 * Settings of every pod of ours: the pod half of the restricted Pod Security Standard, no API
 * token, and no addresses of other Services.
 */
export function restrictedPod(): Pick<k8s.PodSpec, 'automountServiceAccountToken' | 'enableServiceLinks' | 'securityContext'> {
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: APP_USER,
      runAsGroup: APP_USER,
      fsGroup: APP_USER,
      seccompProfile: { type: 'RuntimeDefault' },
    },
  }
}

/** Container half of the restricted Pod Security Standard, with a read-only root. */
export function restrictedContainerContext(): k8s.SecurityContext {
  return { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, runAsNonRoot: true, capabilities: { drop: ['ALL'] } }
}
