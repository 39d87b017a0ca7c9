/** The commands that have verbs, for listing them without loading any. */
export const GROUPS = {
  config: 'check weaver.toml',
  single: 'one process on this machine',
  multi: 'many processes on this machine',
  ssh: 'many processes on many machines',
  'gke-local': 'versions, regions and rollouts on this machine',
  kube: 'run applications on Kubernetes',
  operator: 'what runs applications on Kubernetes',
  image: 'build and push images',
} as const
