import { gkeSchema } from './gke-schema.js'
import { kubeSchema, multiSchema, singleSchema, sshSchema } from './weaver-toml-schema.js'

/** The sections of weaver.toml that are for one deployer, by name: what is read, documented and known to editors. */
export const DEPLOYER_SECTIONS = { single: singleSchema, multi: multiSchema, ssh: sshSchema, gke: gkeSchema, kube: kubeSchema } as const
